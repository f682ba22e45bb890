// Package environ describes problems with environment variables.
package environ

// Problem is something wrong with a variable. It never quotes the value, which
// may be a secret.
type Problem struct {
	Variable string
	Found    string // what is wrong, without a full stop
	Remedy   string // what to do about it, without a full stop
	Passes   bool   // another start may help
}
