package policy

import (
	"slices"
	"testing"
)

func TestOnlyRelevantUsergroupsAreLookedUp(t *testing.T) {
	rules := Rules{
		Mode: PeopleOnTask, Users: []UserID{"U0ADA"}, Usergroups: []GroupID{" S0LEADS", "S0LEGAL"},
		SecondPerson: SecondPerson{Always: true}, Approvers: []string{"U0LINUS", "S0LEGAL", "S0HEADS"},
	}
	for name, tt := range map[string]struct {
		moment          Moment
		user, requester UserID
		want            []GroupID
	}{
		"a command":                     {AtCommand, "U0GRACE", "", []GroupID{"S0LEADS", "S0LEGAL"}},
		"a command by someone listed":   {AtCommand, "U0ADA", "", nil},
		"alone":                         {AtClick, "U0GRACE", "U0GRACE", []GroupID{"S0LEADS", "S0LEGAL"}},
		"alone, listed":                 {AtClick, "U0ADA", "U0ADA", nil},
		"two":                           {AtClick, "U0GRACE", "U0ADA", []GroupID{"S0HEADS", "S0LEADS", "S0LEGAL"}},
		"an approver by ID, not listed": {AtClick, "U0LINUS", "U0ADA", []GroupID{"S0LEADS", "S0LEGAL"}},
		"the requester isn't listed":    {AtClick, "U0ADA", "U0GRACE", []GroupID{"S0HEADS", "S0LEADS", "S0LEGAL"}},
	} {
		c := Case{Moment: tt.moment, Person: Person{ID: tt.user}, Requester: Person{ID: tt.requester}}
		if got := rules.groups(c); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
