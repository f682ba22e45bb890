// Package environ has what the packages of cli say about environment variables.
package environ

// Problem is something wrong with a variable. It never quotes the value, which
// may be a secret.
type Problem struct {
	Variable string
	Found    string // what is wrong, a sentence without its full stop
	Remedy   string // what to do about it, likewise
}
