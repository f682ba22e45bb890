//go:build !unix

package cli

// failInsteadOfDying has nothing to do where there is no such limit.
func failInsteadOfDying() {}
