package chamelio

import (
	"context"
	"net/http"
)

// OrgInfo is the organisation that the key belongs to, and the key's limit.
type OrgInfo struct {
	Name               string // of the organisation; may be empty
	RateLimitPerMinute int    // calls of this key; 0 if the API doesn't say
	APIKeyID           int64  // identifies the key without revealing it; 0 if the API doesn't say
}

// OrgInfo calls GET /users/org-info
// (https://docs.chamelio.ai/api-reference/endpoint/org-info), the cheapest way
// to check the key. It counts against the rate limit, with the priority of
// Cancel. Errors are *Error: ErrUnauthorized if the key isn't accepted,
// provided that Error.FromAPI is set too.
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
