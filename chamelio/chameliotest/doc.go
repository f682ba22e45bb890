// Package chameliotest is a stand-in for Chamelio's external API: a real HTTP
// server with tasks, a memory of what was asked and what came of it, and
// switches for everything that goes wrong with the real one and with the way
// there.
//
// NewServer serves on a free loopback port. New serves on any net.Listener,
// such as a MemoryListener inside a bubble of testing/synctest, where every
// delay is virtual.
package chameliotest
