package slacktest

import (
	"maps"
	"slices"
)

// Installation says where the app is installed.
type Installation struct {
	TeamID, TeamName, TeamDomain string

	// EnterpriseID and EnterpriseName identify the organisation of the
	// workspace; "" outside Enterprise Grid.
	EnterpriseID, EnterpriseName string
	// OrgWide installs the app for the whole organisation: auth.test answers
	// is_enterprise_install, interactive payloads carry "team": null, and
	// people of all its workspaces can use it
	// (docs.slack.dev/enterprise/organization-ready-apps).
	OrgWide bool
}

// SetInstallation changes where the app is installed. NewServer installs it in
// the workspace Acme, T012ACME, outside any organisation. An empty TeamID,
// TeamName or TeamDomain leaves the current value.
func (s *Server) SetInstallation(i Installation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.TeamID == "" {
		i.TeamID = s.installation.TeamID
	}
	if i.TeamName == "" {
		i.TeamName = s.installation.TeamName
	}
	if i.TeamDomain == "" {
		i.TeamDomain = s.installation.TeamDomain
	}
	for id, u := range s.users {
		if u.TeamID == s.installation.TeamID {
			u.TeamID = i.TeamID
			s.users[id] = u
		}
	}
	s.installation = i
	s.touch()
}

// enterprise returns the organisation for payloads: nil if there is none.
func (i Installation) enterprise() any {
	if i.EnterpriseID == "" {
		return nil
	}
	return map[string]any{"id": i.EnterpriseID, "name": i.EnterpriseName}
}

// team returns the workspace for interactive payloads: nil if the app is
// installed for the organisation.
func (i Installation) team() any {
	if i.OrgWide {
		return nil
	}
	team := map[string]any{"id": i.TeamID, "domain": i.TeamDomain}
	if i.EnterpriseID != "" {
		team["enterprise_id"], team["enterprise_name"] = i.EnterpriseID, i.EnterpriseName
	}
	return team
}

// has reports whether the person can use the app: people of the workspace, or
// of the organisation if it is installed for all of it. It must be called with
// mu held.
func (s *Server) has(u User) bool {
	i := s.installation
	if i.EnterpriseID == "" || u.EnterpriseID != "" && u.EnterpriseID != i.EnterpriseID {
		return u.TeamID == i.TeamID
	}
	teams := s.teamsOf(u)
	return i.OrgWide && len(teams) > 0 || slices.Contains(teams, i.TeamID)
}

// teamsOf returns a person's workspaces in the organisation. A stranger has
// none. It must be called with mu held.
func (s *Server) teamsOf(u User) []string {
	switch {
	case u.Teams != nil:
		return u.Teams
	case u.IsStranger:
		return []string{}
	}
	return []string{u.TeamID}
}

// AmendPayloads sets a function that changes every slash command and
// interactive payload before it is delivered, for example to omit a field, or
// to add one that Slack may add later. kind is "slash_commands" or
// "interactive". nil removes the function.
func (s *Server) AmendPayloads(f func(kind string, payload map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.amend = f
}

// Origin is the app and the installation that an envelope claims to come from.
// Empty fields mean the server's own.
type Origin struct {
	AppID, TeamID, TeamDomain, EnterpriseID string
}

// apply writes the origin into a payload.
func (o Origin) apply(payload map[string]any) {
	if o.AppID != "" {
		payload["api_app_id"] = o.AppID
	}
	team, isObject := payload["team"].(map[string]any)
	team = maps.Clone(team)
	set := func(flat, nested, value string) {
		if value == "" {
			return
		}
		if _, ok := payload[flat]; ok {
			payload[flat] = value
		}
		if isObject {
			team[nested] = value
		}
	}
	set("team_id", "id", o.TeamID)
	set("team_domain", "domain", o.TeamDomain)
	set("enterprise_id", "enterprise_id", o.EnterpriseID)
	if isObject {
		payload["team"] = team
	}
	if o.EnterpriseID != "" {
		payload["enterprise"] = map[string]any{"id": o.EnterpriseID, "name": o.EnterpriseID}
		if !isObject {
			payload["enterprise_id"] = o.EnterpriseID
		}
	}
}
