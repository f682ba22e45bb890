package chamelio

import (
	"context"
	"net/http"
)

// OrgInfo tells whom the key belongs to and what it may do.
type OrgInfo struct {
	Name               string // of the organisation; may be empty
	RateLimitPerMinute int    // calls of this key; 0 if not told
	APIKeyID           int64  // names the key without revealing it; 0 if not told
}

// OrgInfo asks GET /users/org-info
// (https://docs.chamelio.ai/api-reference/endpoint/org-info), the cheapest way
// to learn whether the key is accepted. It counts against the rate limit, at
// the rank of Cancel. Errors are *Error: ErrUnauthorized for a key that is not
// accepted, if Error.FromAPI is set too.
func (c *Client) OrgInfo(ctx context.Context) (OrgInfo, error) {
	var answer *struct {
		Name      lenient[string] `json:"org_name"`
		PerMinute integer         `json:"rate_limit_per_minute"`
		KeyID     integer         `json:"api_key_id"`
	}
	r := request{method: http.MethodGet, path: "/users/org-info", rank: urgent}
	if err := c.call(ctx, r, &answer); err != nil {
		return OrgInfo{}, err
	}
	if answer == nil {
		return OrgInfo{}, r.malformed("the answer holds no organisation")
	}
	return OrgInfo{Name: answer.Name.value, RateLimitPerMinute: int(answer.PerMinute), APIKeyID: int64(answer.KeyID)}, nil
}
