// Package simulation lets whole histories happen in virtual time and holds
// them against the laws of the decision protocol.
//
// A history is two or three real bots on one real journal, a stand-in Slack, a
// stand-in Chamelio, people, and everything that goes wrong: calls that fail
// before or after their effect, hang or come late, processes that die at any
// boundary and start again, processes that are stopped for longer than their
// leases, databases that go away, clocks that are put forward and back. One
// number, the seed, chooses all of it.
//
//	go test ./bot/internal/simulation -run TestOneHistory -seed 7 -v
//
// tells one history as a story;
//
//	go test ./bot/internal/simulation -run TestHistories -seeds 100000 -timeout 0 -v
//
// goes through many and counts what they covered. Everything is in the test
// files: nothing of this is part of the program. laws_test.go says what is held
// to be true, planted_test.go shows that each law finds the bug that breaks it.
package simulation
