package socketmode

// Class is what one of Slack's error codes means for the caller.
type Class int

// The classes of Slack's error codes.
const (
	// Other is any code about the request itself, such as channel_not_found,
	// and any unknown code.
	Other Class = iota

	// Transient means that Slack is busy or in trouble: the same call may
	// succeed later.
	Transient

	// Configuration means that someone has to change a setting of the app or
	// of the workspace. The token itself is accepted.
	Configuration

	// TokenRefused means that this token will never be accepted: someone has
	// to replace it.
	TokenRefused
)

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case Transient:
		return "transient"
	case Configuration:
		return "configuration"
	case TokenRefused:
		return "token refused"
	case Other:
	}
	return "other"
}

// Classify returns the class of an error code of Slack's Web API or Socket
// Mode: the field error of an answer, or the field reason of a disconnect
// frame. It works for app-level and bot tokens.
//
// The codes are those that docs.slack.dev lists for nearly every method; see
// for example the pages apps.connections.open, auth.test and chat.postMessage,
// section "Errors". The reasons of a disconnect are on the page "Using Socket
// Mode".
func Classify(code string) Class {
	switch code {
	case "invalid_auth", // the token is invalid, or used from an address that is not allowed
		"not_authed",             // there was no token
		"account_inactive",       // the token belongs to a deleted user, app or workspace
		"token_revoked",          // the app was removed, or the token revoked
		"token_expired",          // only another token helps
		"not_allowed_token_type": // a bot token instead of an app-level one, or the reverse
		return TokenRefused

	case "missing_scope", // auth.test tells the scopes; the field needed says which is missing
		"no_permission",             // the app may not do this in the workspace
		"access_denied",             // access to a resource is denied
		"accesslimited",             // access is limited on the current network
		"ekm_access_denied",         // administrators have suspended posting (Enterprise Key Management)
		"enterprise_is_restricted",  // not from an Enterprise organisation
		"forbidden_team",            // apps.connections.open: the workspace cannot use this API
		"team_access_not_granted",   // the token has no access to this workspace
		"two_factor_setup_required", // two-factor setup is required
		"link_disabled":             // disconnect: Socket Mode is switched off for the app
		return Configuration

	case "internal_error", // "likely due to a transient issue on our end"
		"fatal_error",         // the server could not complete the call
		"service_unavailable", // the service is temporarily unavailable
		"request_timeout",     // the request was truncated or arrived too slowly
		"ratelimited",         // Retry-After says how long
		"rate_limited",        // the older spelling
		"team_added_to_org",   // the workspace is being moved to an Enterprise organisation
		"org_login_required",  // the same: not available until the migration is complete
		"too_many_websockets", // disconnect: ten connections are open already
		"warning",             // disconnect: about to be closed
		"refresh_requested":   // disconnect: to be replaced
		return Transient
	}
	return Other
}
