// Package work runs things in the background: loops, goroutines, bounded
// pools, retries and limits. It knows nothing about Slack or tasks.
package work
