package policy

import (
	"slices"
	"testing"
)

func TestSecondPersonRules(t *testing.T) {
	always := Rules{SecondPerson: SecondPerson{Always: true}}
	forNDAs := Rules{SecondPerson: SecondPerson{Workflows: []string{"MSA", " n d\u200ba"}}}
	approved := func(r Rules) Rules { r.Approvers = []string{"U0LINUS", " S0LEGAL "}; return r }
	workflow := func(c Case, name string) Case { c.Task.Workflow = name; return c }
	unknown := func(c Case) Case { c.Task = Task{}; return c }
	asked := func(c Case) Case { c.TwoAsked = true; return c }
	alone, pair := clickBy(ada, ada, single), clickBy(grace, ada, single)
	guest := func(p *Person) { p.Guest = true }
	twice := clickBy(ada.changed(func(p *Person) { p.GlobalID = "W0ADA" }), ada.changed(func(p *Person) { p.ID = "W0ADA" }), grid)
	twins := clickBy(ada.changed(func(p *Person) { p.GlobalID = "W0ADA" }), ada.changed(func(p *Person) { p.ID, p.GlobalID = "U2ADA", "W0ADA" }), grid)
	onTask := Rules{Mode: PeopleOnTask, SecondPerson: SecondPerson{Always: true}}
	orLegal := Rules{Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEGAL"}, SecondPerson: SecondPerson{Always: true}}
	check(t, []row{
		{"none: alone", Rules{}, alone, CodeAllowed},
		{"none, but the prompt was for two", Rules{}, asked(alone), CodeNeedsSecondPerson},
		{"none: two for all that", Rules{}, asked(pair), CodeAllowed},
		{"always: the command", always, commandBy(ada, single), CodeAllowed},
		{"always: alone", always, alone, CodeNeedsSecondPerson},
		{"always: two", always, pair, CodeAllowed},
		{"always: one human with two ids", always, twice, CodeNeedsSecondPerson},
		{"always: one human with two ids, the other way round", always, clickBy(twice.Requester, twice.Person, grid), CodeNeedsSecondPerson},
		{"always: one human, three ids", always, twins, CodeNeedsSecondPerson},
		{"always: the confirmer is a guest", always, clickBy(grace.changed(guest), ada, single), CodeGuest},
		{"always: the requester is a guest by now", always, clickBy(grace, ada.changed(guest), single), CodeRequesterForbidden},
		{"always: the requester is not known", always, clickBy(grace, ada.changed(func(p *Person) { p.Known = NotAnswered }), single), CodeCannotCheckRequester},
		{"always: the confirmer is not known", always, clickBy(grace.changed(func(p *Person) { p.Known = NotAnswered }), ada, single), CodeCannotCheck},
		{"always: the requester cannot be asked for", always, clickBy(grace, ada.changed(func(p *Person) { p.Known = NotPermitted }), single), CodeCannotCheckScope},
		{"always: no requester", always, clickBy(grace, Person{}, single), CodeCannotCheckRequester},
		{"none: a confirmer, and the requester is a guest", Rules{}, clickBy(grace, ada.changed(guest), single), CodeRequesterForbidden},
		{"a moment that is none is a click", always, alone.with(func(c *Case) { c.Moment = 0 }), CodeNeedsSecondPerson},

		{"listed workflow: alone", forNDAs, alone, CodeNeedsSecondPerson},
		{"listed workflow, other letters and blanks", forNDAs, workflow(alone, "N da\u00a0"), CodeNeedsSecondPerson},
		{"listed workflow, with a character that shows nothing", forNDAs, workflow(alone, "N\x07DA"), CodeNeedsSecondPerson},
		{"listed workflow: two", forNDAs, pair, CodeAllowed},
		{"another workflow: alone", forNDAs, workflow(alone, "NDAs"), CodeAllowed},
		{"no workflow: alone", forNDAs, workflow(alone, " "), CodeNeedsSecondPerson},
		{"a dash for a workflow: alone", forNDAs, workflow(alone, "—"), CodeNeedsSecondPerson},
		{"details missing: the command", forNDAs, unknown(commandBy(ada, single)), CodeAllowed},
		{"details missing: alone", forNDAs, unknown(alone), CodeCannotCheckTask},
		{"details missing: two", forNDAs, asked(unknown(pair)), CodeAllowed},
		{"details missing: two, though one was asked", forNDAs, unknown(pair), CodeAllowed},
		{"details missing, but an old name is at hand", forNDAs, unknown(alone).with(func(c *Case) { c.Task.Workflow = "Order form" }), CodeCannotCheckTask},
		{"details missing, but an old name is at hand: no approver", approved(forNDAs), clickBy(ada.changed(func(p *Person) { p.ID = "U0X" }), grace, single).with(func(c *Case) { c.Task = Task{Workflow: "Order form"} }), CodeNotAnApprover},
		{"details missing: alone, asked for two", forNDAs, asked(unknown(alone)), CodeNeedsSecondPerson},
		{"details missing is no matter to always", always, unknown(pair), CodeAllowed},

		{"an approver", approved(always), pair, CodeAllowed},
		{"no approver", approved(always), clickBy(ada.changed(func(p *Person) { p.ID = "U0X" }), grace, single), CodeNotAnApprover},
		{"an approver by id", approved(always), clickBy(ada.changed(func(p *Person) { p.ID = "U0LINUS" }), grace, single), CodeAllowed},
		{"an approver, alone", approved(always), clickBy(grace, grace, single), CodeNeedsSecondPerson},
		{"an approver who is a guest", approved(always), clickBy(grace.changed(guest), ada, single), CodeGuest},
		{"approvers that cannot be asked", approved(always), clickBy(grace.changed(func(p *Person) { p.Groups = map[GroupID]Membership{"S0LEGAL": {Known: NotPermitted}} }), ada, single), CodeCannotCheckScope},
		{"approvers: a workflow for one", approved(forNDAs), workflow(alone, "Order form"), CodeAllowed},
		{"approvers: a workflow for two", approved(forNDAs), clickBy(ada.changed(func(p *Person) { p.ID = "U0X" }), grace, single), CodeNotAnApprover},
		{"approvers: blanks are nobody", Rules{SecondPerson: SecondPerson{Always: true}, Approvers: []string{" "}}, pair, CodeNotAnApprover},
		{"an approver needs the mode too", approved(onTask), pair, CodeNotOnTask},
		{"an approver who is listed needs not be on the task", approved(orLegal), pair, CodeAllowed},
		{"the requester is not on the task any more", approved(orLegal), pair.with(func(c *Case) { c.Task.People = nil }), CodeRequesterOffTask},
		{"the requester's address is unconfirmed by now", approved(orLegal), pair.with(func(c *Case) { c.Requester.EmailConfirmed = false }), CodeRequesterOffTask},
	})
}

// A name that looks like a listed one needs two people, however it is written.
func TestWorkflowsThatLookTheSame(t *testing.T) {
	for listed, names := range map[string][]string{
		"Übergabe":          {"übergabe ", "U\u0308bergabe", "Ubergabe"},
		"Re\u0301siliation": {"Résiliation", "RÉSILIATION"},
		"⚖️ Payroll":        {"⚖ Payroll", "⚖\ufe0e payroll"},
		"⚖ Payroll":         {"⚖️ Payroll"},
		"Payroll":           {"Payroll\u3164", "Pay\u2800roll", "Pay\u034froll", "Pay\u202eroll", "Pay\ufe0froll", "\u115fPayroll"},
		"Vendor's NDA":      {"Vendor’s NDA", "Vendor`s NDA", "Vendorʼs NDA"},
		"Non-disclosure":    {"Non\u2011disclosure", "Non–disclosure", "Non−disclosure", "Nondisclosure"},
		"HR - Payroll":      {"HR – Payroll", "HR: Payroll"},
		"NDA 1":             {"ＮＤＡ １", "ᴺᴰᴬ\u00a01"},
		"Straße":            {"STRASSE", "straẞe"},
	} {
		for _, name := range names {
			if _, ok := (SecondPerson{Workflows: []string{"Other", listed}}).Listed(name); !ok {
				t.Errorf("%+q doesn't match %+q", name, listed)
			}
		}
	}
	rule := SecondPerson{Workflows: []string{"C", "NDA 1", "⚖ Payroll"}}
	for _, name := range []string{"C+", "NDA 2", "NDA", "📄 Payroll", "---"} {
		if entry, ok := rule.Listed(name); ok {
			t.Errorf("%q matches %q", name, entry)
		}
	}
}

// A refusal by Standing needs no GET of the task, and OnTask doesn't depend on
// Standing.
func TestStepsAreIndependent(t *testing.T) {
	asked := clickBy(ada, ada, single).with(func(c *Case) { c.TwoAsked, c.Task = true, Task{} })
	always := Rules{SecondPerson: SecondPerson{Always: true}, Approvers: []string{"U0LINUS"}}
	workflow := Rules{SecondPerson: SecondPerson{Workflows: []string{"MSA"}}}
	pair := clickBy(grace, ada, single)
	nobody := pair.with(func(c *Case) { c.Person.Known = NotAnswered })
	for name, tt := range map[string]struct{ got, want Code }{
		"asked for two":                                {Rules{}.Standing(asked).Code, CodeNeedsSecondPerson},
		"no approver":                                  {always.Standing(pair).Code, CodeNotAnApprover},
		"no approver, asked for two":                   {Rules{Approvers: always.Approvers}.Standing(pair.with(func(c *Case) { c.TwoAsked = true })).Code, CodeNotAnApprover},
		"task: asked for two":                          {Rules{}.OnTask(asked).Code, CodeNeedsSecondPerson},
		"task: asked for two, and details are missing": {workflow.OnTask(asked).Code, CodeNeedsSecondPerson},
		"task: nobody known":                           {Rules{Mode: PeopleOnTask}.OnTask(nobody).Code, CodeCannotCheck},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
		}
	}
}

func TestWorkflowsAreReadFromText(t *testing.T) {
	for text, want := range map[string][]string{
		"NDA": {"NDA"}, `NDA, "Order form, EU" , MSA`: {"NDA", "Order form, EU", "MSA"}, `"NDA"`: {"NDA"}, "NDA,, ": {"NDA"},
		"": {""}, " ": {""}, `,""`: {""},
	} {
		if got, err := ParseWorkflows(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q reads as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`NDA, "MSA`, `NDA "2"`, `"NDA" 2, MSA`} {
		if got, err := ParseWorkflows(text); err == nil {
			t.Errorf("%q reads as %q", text, got)
		}
	}
}

func TestNeedsTask(t *testing.T) {
	for name, tt := range map[string]struct {
		rules Rules
		want  bool
	}{
		"members":         {Rules{}, false},
		"people on task":  {Rules{Mode: PeopleOnTask}, true},
		"always":          {Rules{SecondPerson: SecondPerson{Always: true}}, false},
		"workflows":       {Rules{SecondPerson: SecondPerson{Workflows: []string{"NDA"}}}, true},
		"all, and a list": {Rules{SecondPerson: SecondPerson{Always: true, Workflows: []string{"NDA"}}}, false},
	} {
		if got := tt.rules.NeedsTask(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestValuesThatLookLikeBooleans(t *testing.T) {
	for _, slip := range []string{"treu", "tru", "ture", "truee", "trve", "rtue", "fxlse", "flase", "yes", "FALS", " on "} {
		if !looksLikeSwitch(slip) {
			t.Errorf("%q is taken for a workflow", slip)
		}
	}
	for _, name := range []string{"tr", "", "trial", "fa", "truest", "NDA", "rtxe", "rxue", "xtue", "tu", "truxy", "eurt"} {
		if looksLikeSwitch(name) {
			t.Errorf("%q is taken for a switch", name)
		}
	}
}

func TestEmptyUserIsNotLookedUp(t *testing.T) {
	if v := (Person{}).known(); v.Code != CodeCannotCheck || v.missing != nil {
		t.Errorf("%+v", v)
	}
}
