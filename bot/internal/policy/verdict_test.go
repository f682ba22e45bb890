package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCodesNeverChange(t *testing.T) {
	for _, text := range []string{"", "allowed", "too many commands"} {
		if got, ok := ParseCode(text); ok {
			t.Errorf("%q reads as %q", text, got)
		}
	}
	const want = "other_installation unknown_workspace wrong_channel shared_channel hidden_channel deactivated bot stranger other_organisation other_workspace invited guest not_listed not_on_task no_email email_unconfirmed needs_second_person not_an_approver requester_not_allowed requester_not_on_task cannot_check cannot_check_requester cannot_check_task cannot_check_scope cannot_check_group"
	if got := strings.Trim(fmt.Sprint(Codes()), "[]"); got != want {
		t.Errorf("codes changed:\n%s\n%s", got, want)
	}
	for _, code := range Codes() {
		if got, ok := ParseCode(string(code)); got != code || !ok {
			t.Errorf("%q reads as %q", code, got)
		}
		transient := slices.Contains([]Code{CodeCannotCheck, CodeCannotCheckRequester, CodeCannotCheckTask}, code)
		operator := slices.Contains([]Code{CodeCannotCheckScope, CodeCannotCheckGroup}, code)
		if code.Transient() != transient || code.ForOperator() != operator || code.Final() == (transient || operator) {
			t.Errorf("%q: %v %v %v", code, code.Transient(), code.ForOperator(), code.Final())
		}
	}
	if CodeAllowed.Final() || (Verdict{}).Allowed() {
		t.Error("a yes is no refusal, and nothing is no yes")
	}
}
