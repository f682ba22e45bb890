// Package input parses what people type, and cleans text from outside. It is
// pure: no clock, no I/O.
package input
