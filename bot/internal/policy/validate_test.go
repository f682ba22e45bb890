package policy

import (
	"strings"
	"testing"
)

func TestRefusesContradictorySettings(t *testing.T) {
	listed := func(r Rules) Rules { r.Mode = Listed; return r }
	always, workflows := SecondPerson{Always: true}, func(names ...string) SecondPerson { return SecondPerson{Workflows: names} }
	ada, both := []UserID{"U0ADA"}, []UserID{"U0ADA", "W0GRACE"}
	for _, tt := range []struct {
		name   string
		rules  Rules
		want   Field // "" if it is fine
		advice string
	}{
		{"nothing set", Rules{}, "", ""},
		{"members", Rules{Mode: Members, MembersOf: OfWorkspace, Channels: []ChannelID{"C0LEGAL", "G0LEGAL", "D0ADA"}}, "", ""},
		{"duplicates and blanks", listed(Rules{Users: []UserID{"U0ADA", " U0ADA", ""}}), "", ""},
		{"people on task", Rules{Mode: PeopleOnTask, MembersOf: OfOrganisation}, "", ""},
		{"people on task or listed", Rules{Mode: PeopleOnTask, Users: ada, Usergroups: []GroupID{"S0LEADS"}}, "", ""},
		{"approvers", Rules{SecondPerson: always, Approvers: []string{"U0ADA", "S0LEADS"}}, "", ""},
		{"approvers of a workflow", Rules{SecondPerson: workflows("NDA", "Trust", "False friends"), Approvers: []string{"U0ADA"}}, "", ""},
		{"two listed, two needed", listed(Rules{Users: both, SecondPerson: always, Approvers: []string{" U0ADA"}}), "", ""},
		{"one listed and a group, two needed", listed(Rules{Users: ada, Usergroups: []GroupID{"S0LEADS"}, SecondPerson: always, Approvers: []string{"U0X"}}), "", ""},
		{"one listed, alone", listed(Rules{Users: ada}), "", ""},

		{"unknown mode", Rules{Mode: "everybody"}, FieldMode, "must be members"},
		{"unknown scope", Rules{MembersOf: "enterprise"}, FieldMembersOf, "must be workspace or organization"},
		{"a name", listed(Rules{Users: []UserID{"ada"}}), FieldUsers, "not the id of a person"},
		{"a group as user", listed(Rules{Users: []UserID{"S0LEADS"}}), FieldUsers, "not the id of a person"},
		{"a user as group", listed(Rules{Usergroups: []GroupID{"U0ADA"}}), FieldUsergroups, "not the id of a usergroup"},
		{"a channel's name", Rules{Channels: []ChannelID{"#general"}}, FieldChannels, "not the id of a conversation"},
		{"a user as channel", Rules{Channels: []ChannelID{"C0LEGAL", "U0ADA"}}, FieldChannels, "not the id of a conversation"},
		{"a channel as approver", Rules{SecondPerson: always, Approvers: []string{"C0LEGAL"}}, FieldApprovers, "a person or a usergroup"},
		{"small letters", listed(Rules{Users: []UserID{"u0ada"}}), FieldUsers, "not the id"},
		{"blank users", listed(Rules{Users: []UserID{" ", ""}}), FieldUsers, "names nothing"},
		{"blank channels", Rules{Channels: []ChannelID{" "}}, FieldChannels, "names nothing"},
		{"blank approvers", Rules{SecondPerson: always, Approvers: []string{""}}, FieldApprovers, "names nothing"},
		{"blank groups", Rules{Mode: PeopleOnTask, Usergroups: []GroupID{""}}, FieldUsergroups, "names nothing"},
		{"blank workflow", Rules{SecondPerson: workflows("NDA", " ")}, FieldSecondPerson, "has no letter"},
		{"true and a list", Rules{SecondPerson: SecondPerson{Always: true, Workflows: []string{"NDA"}}}, FieldSecondPerson, "choose one"},
		{"users under members", Rules{Users: ada}, FieldUsers, "no effect while every full member"},
		{"users under members by name", Rules{Mode: Members, Users: ada}, FieldUsers, "no effect while every full member"},
		{"groups under members", Rules{Usergroups: []GroupID{"S0LEADS"}}, FieldUsergroups, "no effect while every full member"},
		{"approvers of nothing", Rules{Approvers: []string{"U0ADA"}}, FieldApprovers, "no effect unless a second person"},
		{"an approver who is not listed", listed(Rules{Users: both, SecondPerson: always, Approvers: []string{"U0ADA", "U0X"}}), FieldApprovers, "couldn't confirm"},
		{"listed, nobody", listed(Rules{}), FieldMode, "none are listed"},
		{"one listed, two needed", listed(Rules{Users: []UserID{"U0ADA", "U0ADA"}, SecondPerson: always}), FieldSecondPerson, "only one is listed"},
		{"one listed, two needed at times", listed(Rules{Users: ada, SecondPerson: workflows("NDA")}), FieldSecondPerson, "only one is listed"},
	} {
		got := tt.rules.Validate()
		if tt.want == "" {
			if len(got) > 0 {
				t.Errorf("%s: %v", tt.name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Field != tt.want || !strings.Contains(got[0].Advice, tt.advice) {
			t.Errorf("%s: %v, want %s: … %s …", tt.name, got, tt.want, tt.advice)
		}
	}
}

func TestAllProblemsAreNamedAtOnce(t *testing.T) {
	bad := Rules{Mode: "x", MembersOf: "x", Users: []UserID{"x"}, Usergroups: []GroupID{"x"}, Channels: []ChannelID{"x"}, Approvers: []string{"x"}, SecondPerson: SecondPerson{Workflows: []string{"yes"}}}
	if got := bad.Validate(); len(got) != 7 {
		t.Errorf("%d problems: %v", len(got), got)
	}
	idle := Rules{Users: []UserID{"U0ADA"}, Usergroups: []GroupID{"S0LEADS"}, Approvers: []string{"U0ADA"}}
	if got := idle.Validate(); len(got) != 3 {
		t.Errorf("%d problems: %v", len(got), got)
	}
}

func TestMistypedBooleanIsRejectedAsWorkflow(t *testing.T) {
	for _, slip := range []string{"ture", "tru", "rue", "trrue", "True1", "treu", "t rue", "flase", "fasle", "fals", "falsee", "yes", "No", "ON", "off", "all", "none", "*", "t", "T", "1"} {
		if got := (Rules{SecondPerson: SecondPerson{Workflows: []string{"NDA", slip}}}).Validate(); len(got) != 1 {
			t.Errorf("%q is taken for a workflow: %v", slip, got)
		}
	}
	for _, name := range []string{"Trust", "Tender", "MSA", "Falsification", "Onboarding", "true up", "erut"} {
		if got := (Rules{SecondPerson: SecondPerson{Workflows: []string{name}}}).Validate(); len(got) != 0 {
			t.Errorf("%q is refused: %v", name, got)
		}
	}
}

// A name has a letter, a digit or a symbol, in any script. Punctuation names nothing.
func TestPunctuationIsRejectedAsWorkflow(t *testing.T) {
	for _, text := range []string{"---", "***", "*", "—", "−", "...", "…", "( )", "“”", "?!", "、。", "\u00a0", "\u3164", "\ufe0f", "\u0301"} {
		if got := (Rules{SecondPerson: SecondPerson{Workflows: []string{"NDA", text}}}).Validate(); len(got) != 1 {
			t.Errorf("%+q is taken for a workflow: %v", text, got)
		}
	}
	for _, name := range []string{"🔥", "⚖️", "👩‍⚖️", "🇩🇪", "+", "=", "€", "§7", "7", "Ⅶ", "٣", "Ä", "Ж", "契約", "の", "ン", "계약", "عقد", "חוזה", "สัญญา", "कि", "ǂ", "- A -"} {
		if got := (Rules{SecondPerson: SecondPerson{Workflows: []string{name}}}).Validate(); len(got) != 0 {
			t.Errorf("%q is refused: %v", name, got)
		}
	}
}

func TestPolicySentence(t *testing.T) {
	two, three := []UserID{"U0ADA", "U0GRACE", " U0ADA"}, []GroupID{"S1", "S2", "S3"}
	always, workflow := SecondPerson{Always: true}, SecondPerson{Workflows: []string{"NDA"}}
	for want, r := range map[string]Rules{
		"Every full member may cancel, in every channel, alone.":                                                                                                                                  {},
		"Every full member may cancel, in 1 channel only, alone.":                                                                                                                                 {Mode: Members, Channels: []ChannelID{"C1", "", "C1"}},
		"Every full member of the organisation may cancel, in 2 channels only, alone.":                                                                                                            {MembersOf: OfOrganisation, Channels: []ChannelID{"C1", "C2"}},
		"Only full members who are on a task as owner, assignee or collaborator may cancel it, in every channel, alone.":                                                                          {Mode: PeopleOnTask},
		"Only full members of the organisation who are on a task as owner, assignee or collaborator, or are on a list of 2 people, may cancel it, in every channel, alone.":                       {Mode: PeopleOnTask, MembersOf: OfOrganisation, Users: two},
		"Only full members who are on a list of 1 person may cancel, in every channel, alone.":                                                                                                    {Mode: Listed, Users: []UserID{"U0ADA"}},
		"Only full members who are in 1 usergroup may cancel, in every channel, alone.":                                                                                                           {Mode: Listed, Usergroups: []GroupID{"S1"}},
		"Only full members of the organisation who are on a list of 2 people or in one of 3 usergroups may cancel, in every channel, alone.":                                                      {Mode: Listed, MembersOf: OfOrganisation, Users: two, Usergroups: three},
		"Every full member may cancel, in every channel, once a second person has confirmed.":                                                                                                     {SecondPerson: always},
		"Every full member may cancel, in every channel, once an approver (someone else who is on a list of 1 person or in 1 usergroup) has confirmed.":                                           {SecondPerson: always, Approvers: []string{"U11", "S11"}},
		"Every full member may cancel, in every channel, once an approver (someone else who is in one of 2 usergroups) has confirmed.":                                                            {SecondPerson: always, Approvers: []string{"S1A", "S2A"}},
		"Every full member may cancel, in every channel, alone, except that a second person must confirm for tasks of the workflow “NDA”, and for tasks whose workflow isn't known.":              {SecondPerson: workflow},
		"Every full member may cancel, in 1 channel only, alone, except that a second person must confirm for tasks of the workflows “A”, “B” and “C”, and for tasks whose workflow isn't known.": {Channels: []ChannelID{"C1"}, SecondPerson: SecondPerson{Workflows: []string{"A", " B", "C"}}},
		"Only full members who are on a task as owner, assignee or collaborator, or are on a list of 2 people or in one of 3 usergroups, may cancel it, in every channel, alone, except that an approver (someone else who is on a list of 2 people) must confirm for tasks of the workflows “A” and “B”, and for tasks whose workflow isn't known.": {
			Mode: PeopleOnTask, Users: two, Usergroups: three, SecondPerson: SecondPerson{Workflows: []string{"A", "B"}}, Approvers: []string{"U11", "W11"},
		},
	} {
		if got := r.Sentence(); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

// TestEverySentence has rules of its own for the sentence, so that every
// combination reads well.
func TestEverySentence(t *testing.T) {
	for r := range everyRules() {
		s := r.Sentence()
		if !strings.HasSuffix(s, ".") || strings.Count(s, ".") != 1 || strings.Contains(s, "  ") || strings.Contains(s, " ,") ||
			strings.Contains(s, " 0 ") || strings.Contains(s, "1 people") || strings.Contains(s, "1 channels") || strings.Contains(s, "one of 1") {
			t.Errorf("%+v reads %s", r, s)
		}
		for part, want := range map[string]bool{
			"Every full member":         r.Mode == Members,
			"Only full members":         r.Mode != Members,
			"on a task":                 r.Mode == PeopleOnTask,
			"of the organisation":       r.MembersOf == OfOrganisation,
			"in every channel":          len(r.Channels) == 0,
			"alone":                     !r.SecondPerson.Always,
			"has confirmed.":            r.SecondPerson.Always,
			"must confirm":              len(r.SecondPerson.Workflows) > 0,
			"an approver (someone else": len(r.Approvers) > 0 && (r.SecondPerson.Always || len(r.SecondPerson.Workflows) > 0),
		} {
			if strings.Contains(s, part) != want {
				t.Errorf("%+v reads %s; %q: want %v", r, s, part, want)
			}
		}
	}
}
