package policy

import (
	"errors"
	"strings"
	"testing"
)

// Three kinds of installation, and an envelope that belongs to each.
var (
	single  = Installation{TeamID: "T1", AppID: "A1"}
	grid    = Installation{TeamID: "T1", EnterpriseID: "E1", AppID: "A1"}
	orgWide = Installation{EnterpriseID: "E1", OrgWide: true, AppID: "A1"}
)

func originOf(i Installation) Origin {
	return Origin{AppID: i.AppID, TeamID: i.TeamID, EnterpriseID: i.EnterpriseID}
}

// ada is a full member of T1, in the organisation E1, in every installation;
// ada.changed returns variants.
var ada = Person{
	Known: Answered, ID: "U0ADA", TeamID: "T1", EnterpriseID: "E1", Teams: []TeamID{"T2", "T1"},
	Email: "ada@acme.example", EmailConfirmed: true,
	Groups: map[GroupID]Membership{"S0LEADS": {Known: Answered, In: true}, "S0LEGAL": {Known: Answered}},
}

func (p Person) changed(change func(*Person)) Person {
	change(&p)
	return p
}

// on returns the same person in an installation, which may be outside of Grid.
func (p Person) on(i Installation) Person {
	if i.EnterpriseID == "" && p.EnterpriseID == "E1" {
		p.EnterpriseID, p.Teams = "", nil
	}
	return p
}

var grace = ada.changed(func(p *Person) {
	p.ID, p.Email, p.Groups = "U0GRACE", "grace@acme.example", map[GroupID]Membership{"S0LEADS": {Known: Answered}, "S0LEGAL": {Known: Answered, In: true}}
})

var task = Task{Known: true, Workflow: "NDA", People: []string{"", "x@acme.example", " ADA@Acme.example "}}

// commandBy and clickBy return allowed cases.
func commandBy(p Person, i Installation) Case {
	return Case{Moment: AtCommand, Installation: i, Origin: originOf(i), Place: Place{Channel: "C0LEGAL", Workspace: "T1"}, Person: p.on(i), Task: task}
}

func clickBy(p, requester Person, i Installation) Case {
	c := commandBy(p, i)
	c.Moment, c.Requester = AtClick, requester.on(i)
	return c
}

func (c Case) with(change func(*Case)) Case {
	change(&c)
	return c
}

type row struct {
	name  string
	rules Rules
	c     Case
	want  Code
}

func check(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			v := r.rules.Decide(r.c)
			if v.Code != r.want {
				t.Errorf("%q, want %q", v.Code, r.want)
			}
			if v.Allowed() != (r.want == CodeAllowed) {
				t.Errorf("allowed: %v", v.Allowed())
			}
		})
	}
}

func TestFullMembers(t *testing.T) {
	one := func(name string, i Installation, want Code, change func(*Person)) row {
		return row{name, Rules{}, commandBy(ada, i).with(func(c *Case) { change(&c.Person) }), want}
	}
	same := func(*Person) {}
	var rows []row
	for name, i := range map[string]Installation{"single": single, "grid": grid, "org-wide": orgWide} {
		rows = append(
			rows,
			one(name+": a member", i, CodeAllowed, same),
			one(name+": deactivated", i, CodeDeactivated, func(p *Person) { p.Deactivated = true }),
			one(name+": a deactivated guest", i, CodeDeactivated, func(p *Person) { p.Deactivated, p.Guest = true, true }),
			one(name+": a bot", i, CodeBot, func(p *Person) { p.Bot = true }),
			one(name+": Slackbot", i, CodeBot, func(p *Person) { p.ID = "USLACKBOT" }),
			one(name+": a stranger", i, CodeStranger, func(p *Person) { p.Stranger = true }),
			one(name+": a guest", i, CodeGuest, func(p *Person) { p.Guest = true }),
			one(name+": invited", i, CodeInvited, func(p *Person) { p.Invited = true }),
			one(name+": invited as a guest", i, CodeInvited, func(p *Person) { p.Invited, p.Guest = true, true }),
			one(name+": of nowhere", i, CodeOtherOrganisation, func(p *Person) { p.TeamID, p.EnterpriseID, p.Teams = "", "", nil }),
			one(name+": of T9EVIL", i, CodeOtherOrganisation, func(p *Person) { p.TeamID, p.EnterpriseID, p.Teams = "T9EVIL", "", nil }),
			one(name+": of E9EVIL", i, CodeOtherOrganisation, func(p *Person) { p.TeamID, p.EnterpriseID, p.Teams = "T9EVIL", "E9EVIL", []TeamID{"T9EVIL"} }),
			one(name+": a guest of E9EVIL", i, CodeOtherOrganisation, func(p *Person) { p.EnterpriseID, p.Teams, p.Guest = "E9EVIL", nil, true }),
			one(name+": not asked", i, CodeCannotCheck, func(p *Person) { p.Known = NotAsked }),
			one(name+": not answered", i, CodeCannotCheck, func(p *Person) { p.Known = NotAnswered }),
			one(name+": not permitted", i, CodeCannotCheckScope, func(p *Person) { p.Known = NotPermitted }),
			one(name+": without an id", i, CodeCannotCheck, func(p *Person) { p.ID = "" }),
		)
	}
	elsewhere := func(p *Person) { p.TeamID, p.Teams = "T1", []TeamID{"T2"} }
	rows = append(
		rows,
		one("grid: left our workspace", grid, CodeOtherWorkspace, elsewhere),
		one("grid: at home elsewhere, here too", grid, CodeAllowed, func(p *Person) { p.TeamID = "T2" }),
		one("grid: no workspaces told", grid, CodeOtherWorkspace, func(p *Person) { p.Teams = nil }),
		one("org-wide: not of the command's workspace", orgWide, CodeOtherWorkspace, elsewhere),
		one("single: other organisation, but our workspace told", single, CodeAllowed, func(p *Person) { p.EnterpriseID, p.Teams = "E1", []TeamID{"T1"} }),
		one("single: became Grid, and left", single, CodeOtherOrganisation, func(p *Person) { p.EnterpriseID, p.Teams = "E1", []TeamID{"T2"} }),
		row{"organisation: left our workspace", Rules{MembersOf: OfOrganisation}, commandBy(ada.changed(elsewhere), grid), CodeAllowed},
		row{"organisation: of another", Rules{MembersOf: OfOrganisation}, commandBy(ada.changed(func(p *Person) { p.EnterpriseID = "E9EVIL" }), grid), CodeOtherOrganisation},
		row{"organisation, but no Grid: of another", Rules{MembersOf: OfOrganisation}, commandBy(ada.changed(func(p *Person) { p.EnterpriseID, p.TeamID = "", "T9EVIL" }), single), CodeOtherOrganisation},
		row{"organisation: a guest", Rules{MembersOf: OfOrganisation}, commandBy(ada.changed(func(p *Person) { p.Guest = true }), orgWide), CodeGuest},
		row{"org-wide: no workspace told", Rules{}, commandBy(ada, orgWide).with(func(c *Case) { c.Place.Workspace = "" }), CodeUnknownWorkspace},
		row{"org-wide: another's workspace told", Rules{}, commandBy(ada, orgWide).with(func(c *Case) { c.Place.Workspace = "T9EVIL" }), CodeOtherWorkspace},
		row{"org-wide, organisation: no workspace told", Rules{MembersOf: OfOrganisation}, commandBy(ada, orgWide).with(func(c *Case) { c.Place.Workspace = "" }), CodeAllowed},
		row{"single: what the payload says of the workspace is no matter", Rules{}, commandBy(ada, single).with(func(c *Case) { c.Place.Workspace = "T9EVIL" }), CodeAllowed},
	)
	check(t, rows)
}

func TestEnvelopesOfAnotherInstallationAreRefused(t *testing.T) {
	one := func(name string, i Installation, moment Moment, o Origin, want Code) row {
		c := clickBy(ada, ada, i)
		c.Moment, c.Origin = moment, o
		return row{name, Rules{}, c, want}
	}
	organisation := one("organisation: a command from another workspace", grid, AtCommand, Origin{"A1", "T2", "E1"}, CodeAllowed)
	organisation.rules.MembersOf = OfOrganisation
	early := one("before hello, the app is not known", Installation{TeamID: "T1"}, AtCommand, Origin{"A9", "T1", ""}, CodeAllowed)
	check(t, []row{
		one("single: ours", single, AtCommand, Origin{"A1", "T1", ""}, CodeAllowed),
		one("single: ours, and Grid since", single, AtCommand, Origin{"A1", "T1", "E1"}, CodeAllowed),
		one("single: T9EVIL", single, AtClick, Origin{"A1", "T9EVIL", ""}, CodeOtherInstallation),
		one("single: no workspace", single, AtClick, Origin{"A1", "", ""}, CodeOtherInstallation),
		one("single: another app", single, AtClick, Origin{"A9", "T1", ""}, CodeOtherInstallation),
		one("single: no app", single, AtClick, Origin{"", "T1", ""}, CodeOtherInstallation),
		one("grid: only the organisation", grid, AtClick, Origin{"A1", "", "E1"}, CodeAllowed),
		one("grid: a command that names only the organisation", grid, AtCommand, Origin{"A1", "", "E1"}, CodeAllowed),
		one("grid: a click from another workspace", grid, AtClick, Origin{"A1", "T2", "E1"}, CodeAllowed),
		one("grid: a command from another workspace", grid, AtCommand, Origin{"A1", "T2", "E1"}, CodeOtherInstallation),
		one("grid: our workspace, another organisation", grid, AtClick, Origin{"A1", "T1", "E9EVIL"}, CodeOtherInstallation),
		one("grid: our workspace, whose organisation is not said", grid, AtClick, Origin{"A1", "T1", ""}, CodeAllowed),
		one("grid: nothing", grid, AtClick, Origin{"A1", "", ""}, CodeOtherInstallation),
		one("org-wide: team null", orgWide, AtClick, Origin{"A1", "", "E1"}, CodeAllowed),
		one("org-wide: no organisation", orgWide, AtClick, Origin{"A1", "T1", ""}, CodeOtherInstallation),
		one("org-wide: E9EVIL", orgWide, AtClick, Origin{"A1", "T1", "E9EVIL"}, CodeOtherInstallation),
		one("nothing known of ours", Installation{}, AtClick, Origin{}, CodeOtherInstallation),
		one("nothing known of ours, org-wide", Installation{OrgWide: true}, AtClick, Origin{}, CodeOtherInstallation),
		organisation, early,
	})
}

func TestNewInstallationReadsAuthTest(t *testing.T) {
	for _, tt := range []struct {
		got, want Installation
	}{
		{NewInstallation("T1", "", false, "A1"), single},
		{NewInstallation("T1", "E1", false, "A1"), grid},
		{NewInstallation("E1", "E1", true, "A1"), orgWide},
		{NewInstallation("E1", "", false, "A1"), orgWide},
		{NewInstallation("T1", "E1", true, "A1"), orgWide},
	} {
		if tt.got != tt.want {
			t.Errorf("%+v, want %+v", tt.got, tt.want)
		}
	}
}

func TestListsAndChannels(t *testing.T) {
	listed := func(r Rules) Rules { r.Mode = Listed; return r }
	byGroup := listed(Rules{Usergroups: []GroupID{"S0GONE", " S0LEADS "}})
	group := func(m Membership) Case {
		return commandBy(ada.changed(func(p *Person) { p.Groups = map[GroupID]Membership{"S0GONE": m, "S0LEADS": {Known: Answered}} }), single)
	}
	elsewhere := commandBy(ada, single).with(func(c *Case) { c.Place.Channel = "C0RANDOM" })
	check(t, []row{
		{"by id", listed(Rules{Users: []UserID{"U0X", " U0ADA "}}), commandBy(ada, single), CodeAllowed},
		{"by the id on Grid", listed(Rules{Users: []UserID{"W0ADA"}}), commandBy(ada.changed(func(p *Person) { p.GlobalID = "W0ADA" }), grid), CodeAllowed},
		{"not", listed(Rules{Users: []UserID{"U0ADA"}}), commandBy(grace, single), CodeNotListed},
		{"a guest by id", listed(Rules{Users: []UserID{"U0ADA"}}), commandBy(ada.changed(func(p *Person) { p.Guest = true }), single), CodeGuest},
		{"blanks name nobody", listed(Rules{Users: []UserID{" "}, Usergroups: []GroupID{""}}), commandBy(ada, single), CodeNotListed},
		{"a mode that is none", Rules{Mode: "everybody"}, commandBy(ada, single), CodeNotListed},
		{"in one group, another is gone", byGroup, commandBy(ada.changed(func(p *Person) {
			p.Groups = map[GroupID]Membership{"S0GONE": {Known: Gone}, "S0LEADS": {Known: Answered, In: true}}
		}), single), CodeAllowed},
		{"in no group", byGroup, group(Membership{Known: Answered}), CodeNotListed},
		{"a group that is gone", byGroup, group(Membership{Known: Gone}), CodeCannotCheckGroup},
		{"a group that was not asked", byGroup, group(Membership{In: true}), CodeCannotCheck},
		{"a group that did not answer", byGroup, group(Membership{Known: NotAnswered, In: true}), CodeCannotCheck},
		{"a group without the scope", byGroup, group(Membership{Known: NotPermitted}), CodeCannotCheckScope},
		{"the right channel", Rules{Channels: []ChannelID{"C0X", " C0LEGAL "}}, commandBy(ada, single), CodeAllowed},
		{"another channel", Rules{Channels: []ChannelID{"C0LEGAL"}}, elsewhere, CodeWrongChannel},
		{"no channel", Rules{Channels: []ChannelID{""}}, elsewhere.with(func(c *Case) { c.Place.Channel = "" }), CodeWrongChannel},
		{"another channel, by a guest", Rules{Channels: []ChannelID{"C0LEGAL"}}, elsewhere.with(func(c *Case) { c.Person.Guest = true }), CodeWrongChannel},
	})
}

func TestPeopleOnTheTask(t *testing.T) {
	onTask := Rules{Mode: PeopleOnTask}
	email := func(address string, people ...string) Case {
		return commandBy(ada, single).with(func(c *Case) { c.Person.Email, c.Task.People = address, people })
	}
	unconfirmed := commandBy(ada, single).with(func(c *Case) { c.Person.EmailConfirmed = false })
	orListed := Rules{Mode: PeopleOnTask, Users: []UserID{"U0ADA"}, Usergroups: []GroupID{"S0LEGAL"}}
	check(t, []row{
		{"on it, in other letters", onTask, email(" Ada@ACME.example", "x@x", "aDa@acme.EXAMPLE "), CodeAllowed},
		{"not on it", onTask, email("ada@acme.example", "ada@acme.exampl", "bada@acme.example", ""), CodeNotOnTask},
		{"the Kelvin sign is no k", onTask, email("\u212aelly@acme.example", "kelly@acme.example"), CodeNotOnTask},
		{"the long s is no s", onTask, email("u\u017fer@acme.example", "user@acme.example"), CodeNotOnTask},
		{"Z is z, @ is no `", onTask, email("Z`@acme.example", "z@@acme.example"), CodeNotOnTask},
		{"A to Z", onTask, email("AZaz[@x.example", "azAZ[@x.example"), CodeAllowed},
		{"[ is no {", onTask, email("[@x.example", "{@x.example"), CodeNotOnTask},
		{"no address, nobody on it", onTask, email("  ", "", " "), CodeNoEmail},
		{"unconfirmed", onTask, unconfirmed, CodeEmailUnconfirmed},
		{"unconfirmed is no matter to members", Rules{}, unconfirmed, CodeAllowed},
		{"details missing", onTask, email("ada@acme.example", "ada@acme.example").with(func(c *Case) { c.Task.Known = false }), CodeCannotCheckTask},
		{"details missing, though listed", orListed, commandBy(ada, single).with(func(c *Case) { c.Task.Known = false }), CodeCannotCheckTask},
		{"details missing is no matter to members", Rules{}, commandBy(ada, single).with(func(c *Case) { c.Task.Known = false }), CodeAllowed},
		{"listed, not on it", orListed, email("ada@acme.example"), CodeAllowed},
		{"listed, no address", orListed, email(""), CodeAllowed},
		{"listed, unconfirmed", orListed, unconfirmed, CodeAllowed},
		{"in the group, not on it", orListed, commandBy(grace, single), CodeAllowed},
		{"a guest who is on it", onTask, commandBy(ada.changed(func(p *Person) { p.Guest = true }), single), CodeGuest},
	})
}

func TestNothingMatchesNothing(t *testing.T) {
	if (Task{People: []string{"", " "}}).has(" ") || (Person{}).in("") || (Person{}).is("") || (Person{}).same(Person{}) || contains([]ChannelID{""}, "") {
		t.Error("two blanks are taken for the same")
	}
}

func TestVerdictKeepsCause(t *testing.T) {
	cause := errors.New("why")
	for name, c := range map[string]Case{
		"person": commandBy(ada, single).with(func(c *Case) { c.Person.Known, c.Person.Cause = NotAnswered, cause }),
		"group":  commandBy(ada, single).with(func(c *Case) { c.Person.Groups = map[GroupID]Membership{"S0LEADS": {Known: NotAnswered, Cause: cause}} }),
		"task":   commandBy(ada, single).with(func(c *Case) { c.Task = Task{Cause: cause} }),
	} {
		r := Rules{Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEADS"}}
		if name == "group" {
			r.Mode = Listed
		}
		if v := r.Decide(c); !errors.Is(v.Cause, cause) || v.Allowed() {
			t.Errorf("%s: %+v", name, v)
		}
	}
	v := Rules{}.Decide(clickBy(grace, ada.changed(func(p *Person) { p.Guest = true }), single))
	if v.Cause == nil || !strings.Contains(v.Cause.Error(), "guest") {
		t.Errorf("the requester: %+v", v)
	}
}
