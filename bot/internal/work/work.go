// Package work runs things in the background: loops, goroutines, bounded
// pools, retries and limits. It is independent of Slack and Chamelio.
package work
