package chamelio

import (
	"context"
	"net/http"
)

// OrgInfo tells whom the key belongs to and what it may do.
type OrgInfo struct {
	Name               string `json:"org_name"`
	RateLimitPerMinute int    `json:"rate_limit_per_minute"` // calls; 0 if not told
	APIKeyID           int64  `json:"api_key_id"`            // names the key without revealing it
}

// OrgInfo asks GET /users/org-info (API reference, org-info). It is the
// cheapest way to learn whether the key is accepted.
func (c *Client) OrgInfo(ctx context.Context) (OrgInfo, error) {
	var info OrgInfo
	if err := c.call(ctx, http.MethodGet, "/users/org-info", &info); err != nil {
		return OrgInfo{}, err
	}
	return info, nil
}
