package cli

import "testing"

func TestCSVCellsAreNotFormulas(t *testing.T) {
	for _, cell := range []string{"=1", "+1", "-1", "@x", "＝1", "＋1", "－1", "＠x", "\t=1", "\r=1", "\n=1", " =1", "\u3000=1", "\u00a0@x"} {
		if got := noFormula(cell); got != "'"+cell {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
	for _, cell := range []string{"", "x", "Lease = 1", "12345", "'=1"} {
		if got := noFormula(cell); got != cell {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
}
