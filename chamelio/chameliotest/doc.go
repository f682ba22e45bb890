// Package chameliotest provides a fake of Chamelio's external API: a real HTTP
// server with tasks, a record of requests and their effects, and switches for
// everything that can go wrong with the real API or on the network.
//
// NewServer listens on a free loopback port. New listens on any net.Listener,
// such as a MemoryListener inside a testing/synctest bubble, where every delay
// is virtual.
package chameliotest
