package slacktest

import (
	"maps"
	"slices"
)

// Installation says where the app is installed.
type Installation struct {
	TeamID, TeamName, TeamDomain string

	// EnterpriseID and EnterpriseName are those of the organisation to which
	// the workspace belongs; "" outside Enterprise Grid.
	EnterpriseID, EnterpriseName string
	// OrgWide installs the app for the whole organisation: auth.test answers
	// is_enterprise_install, interactive payloads carry "team": null, and
	// people of all its workspaces can use it
	// (docs.slack.dev/enterprise/organization-ready-apps).
	OrgWide bool
}

// SetInstallation installs the app elsewhere. NewServer's is the workspace
// Acme, T012ACME, outside any organisation. An empty TeamID, TeamName or
// TeamDomain is as before.
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

// enterprise is the organisation as payloads carry it: null outside of one.
func (i Installation) enterprise() any {
	if i.EnterpriseID == "" {
		return nil
	}
	return map[string]any{"id": i.EnterpriseID, "name": i.EnterpriseName}
}

// team is the workspace as interactive payloads carry it: null where the
// installation is the organisation's.
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
// of the organisation where it is installed for all of it. Called with mu held.
func (s *Server) has(u User) bool {
	i := s.installation
	if i.EnterpriseID == "" || u.EnterpriseID != "" && u.EnterpriseID != i.EnterpriseID {
		return u.TeamID == i.TeamID
	}
	teams := s.teamsOf(u)
	return i.OrgWide && len(teams) > 0 || slices.Contains(teams, i.TeamID)
}

// teamsOf lists a person's workspaces in the organisation. A stranger has
// none. Called with mu held.
func (s *Server) teamsOf(u User) []string {
	switch {
	case u.Teams != nil:
		return u.Teams
	case u.IsStranger:
		return []string{}
	}
	return []string{u.TeamID}
}

// AmendPayloads lets f change every slash command and interactive payload
// before it is delivered: to leave out a field, or to add what a later Slack
// may add. kind is "slash_commands" or "interactive". nil ends it.
func (s *Server) AmendPayloads(f func(kind string, payload map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.amend = f
}

// Origin is the app and the installation from which an envelope says that it
// comes. Empty fields are the server's own.
type Origin struct {
	AppID, TeamID, TeamDomain, EnterpriseID string
}

// apply makes a payload say that it comes from o.
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
