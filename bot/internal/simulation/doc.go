// Package simulation runs the bot through random scenarios in virtual time and
// checks the laws of the decision protocol.
//
// A run has two or three real bots on one real journal, a fake Slack, a fake
// Chamelio, people, and faults: calls that fail before or after their effect,
// hang or arrive late, processes that crash at any boundary and restart,
// processes that stop for longer than their leases, database outages, and
// clocks that are set forward and back. One number, the seed, determines all
// of it.
//
// go test ./bot/internal/simulation -run TestOneHistory -seed 7 -v
//
// prints the trace of one run;
//
// go test ./bot/internal/simulation -run TestHistories -seeds 100000 -timeout
// 0 -v
//
// executes many and counts what they covered. Everything is in the test files:
// none of it is part of the program. laws_test.go has the laws,
// planted_test.go shows that each law finds the bug that breaks it.
package simulation
