//go:build !unix

package cli

// failInsteadOfDying does nothing on a system without these signals.
func failInsteadOfDying() {}
