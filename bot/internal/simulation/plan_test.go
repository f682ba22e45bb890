package simulation

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// plan is what a seed chooses in advance. Which calls fail is drawn when they
// are made, from the seed and the number of the call, so that the order of
// goroutines changes little.
type plan struct {
	seed     uint64
	replicas int
	tasks    int
	second   bool // someone else has to confirm
	audit    bool
	slow     bool          // the key's rate limit is low
	unsure   bool          // the first claim of a process is saved, and the journal is away before it says so
	lifetime time.Duration // of a request for a second person, if it ends while there are faults; else 0
	remind   time.Duration // before its end

	journalFaults, slackFaults, chamelioFaults float64 // of the calls

	commands []command
	crashes  []crashPoint
	pauses   []window // of one process, by slot
	outages  []window // of the journal, for one slot or all (-1)
	clocks   []clockStep
	restarts []window // with SIGTERM
	sockets  []socketEvent
	outside  []outsideEvent
	vanish   []crashPoint // after these calls the row is gone, as after a failover
	forged   []forgery
	meddled  []forgery
	rotated  []time.Duration // when each slot gets the new bot token, if any does
	slowInfo bool            // Slack is slow to return profiles
	modal    bool            // a reason is given in a modal; never with a second person
	cutOff   time.Duration   // how long the journal is unreachable after the first record of an announcement; usually 0
	lag      time.Duration   // of Chamelio's reads
	faulty   time.Duration   // until the faults stop
	asleep   time.Duration   // how long all processes are down after that; usually 0
	paused   window          // in which the operator pauses cancelling; usually zero
	again    time.Duration   // after which people press what they saw at first; usually 0
}

type command struct {
	at      time.Duration
	user    string
	channel string
	task    int64
	more    []int64 // further tasks of the same command
	think   time.Duration
	what    deed
	from    origin
	other   string // a second person
}

// origin is where a person asks for a cancellation.
type origin int

const (
	aCommand origin = iota
	aMessage        // with links, by its shortcut
	aReply          // in a thread
)

// deed is what a person does with their prompt.
type deed int

const (
	cancels deed = iota
	keeps
	doubleClicks
	cancelsThenKeeps
	keepsThenCancels
	bothAtOnce
	forges
	redelivers
	manyClicks
)

type crashPoint struct {
	slot     int
	boundary string
	nth      int
	after    bool
	down     time.Duration
}

type window struct {
	slot     int
	from, to time.Duration
	hangs    bool
}

type clockStep struct {
	at   time.Duration
	slot int // -1: the journal's
	by   time.Duration
}

type socketEvent struct {
	at   time.Duration
	what int
}

// forgery is a row that an attacker writes into the database.
type forgery struct {
	at   time.Duration
	what int
}

type outsideEvent struct {
	at     time.Duration
	task   int64
	status string
}

// boundaries are the calls at which a process can be made to crash.
var boundaries = []string{
	"Claim", "Claim", "MarkSent", "MarkUnsent", "Finish", "Finish", "BeginAnnouncing", "NotAnnounced", "MarkAnnounced", "MarkAnnounced",
	"Withdraw", "Abandon", "GiveUp", "TakeExpired", "RenewAll", "Release", "TakeUnsettled", "CheckLater", "BeginSettling", "MarkSettled",
	"TakeNote", "MarkNoted", "Refused", "Beat", "Get", "PutOff", "Leave",
	"BeginAsking", "Opened", "TakeToRemind", "TakeEnded", "Became", "Supersede", "Forget", "Unsettled", "Taken",
	"chat.postMessage", "chat.postMessage", "response_url", "response_url", "users.info", "apps.connections.open", "auth.test",
	"POST cancel", "POST cancel", "GET task",
}

// rare are the boundaries of a run in which Chamelio hardly answers, and of
// one in which a person withdraws a decision that may have been saved.
var (
	rarelyUnknown = []string{"CheckLater", "BeginSettling", "MarkSettled", "TakeUnsettled", "MarkUnsent", "Unsettled"}
	rarelyUnsure  = []string{"GiveUp", "GiveUp", "GiveUp", "GiveUp", "Claim", "Withdraw"}
	rarelyBrief   = []string{"Became", "Became", "Forget", "Forget", "TakeEnded", "TakeToRemind", "Opened", "BeginAsking", "Supersede"}
	rarelyGone    = []string{"Restore", "Restore", "Restore", "Restore", "MarkSent", "Finish", "BeginAnnouncing"}
	rarelyForged  = []string{"TakeExpired", "TakeUnsettled"}
)

// idle boundaries are called again and again by loops.
var idle = map[string]bool{
	"TakeExpired": true, "RenewAll": true, "TakeUnsettled": true, "TakeNote": true, "Beat": true, "Get": true, "Healthy": true, "Backlog": true,
	"TakeToRemind": true, "TakeEnded": true,
}

const firstTask = 7001

// everyone returns the people who use the bot.
func everyone() []string {
	return []string{slacktest.Ada, slacktest.Grace, slacktest.Linus, slacktest.Guest}
}

func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := plan{seed: seed, replicas: 2, tasks: 1 + r.IntN(2), second: chance(r, .2), audit: chance(r, .15), slow: chance(r, .04)}
	if chance(r, .15) {
		p.replicas = 3
	}
	levels := []float64{0, 0, .05, .15, .4}
	p.journalFaults, p.slackFaults, p.chamelioFaults = pick(r, levels), pick(r, levels), pick(r, levels)
	p.faulty = between(r, 50*time.Second, 120*time.Second)
	if chance(r, .1) { // long enough for unknown outcomes
		p.chamelioFaults, p.faulty = .9, between(r, 150*time.Second, 220*time.Second)
		p.crashes = rarely(r, p, rarelyUnknown)
	}
	if chance(r, .04) {
		p.unsure = true
		p.crashes = rarely(r, p, rarelyUnsure)
	}
	if chance(r, .3) {
		p.lag = between(r, 0, 9*time.Second)
	}
	people := everyone()
	for range 1 + r.IntN(4) {
		c := command{
			at: between(r, 3*time.Second, 40*time.Second), task: firstTask + int64(r.IntN(p.tasks)),
			user: people[min(r.IntN(9)/2, 3)], think: between(r, 300*time.Millisecond, 15*time.Second),
			channel: pick(r, []string{slacktest.General, slacktest.General, slacktest.Random, slacktest.Legal, slacktest.Deals}),
			what:    pick(r, []deed{cancels, cancels, cancels, cancels, keeps, doubleClicks, cancelsThenKeeps, keepsThenCancels, bothAtOnce, forges, redelivers, manyClicks}),
		}
		if c.user == slacktest.Linus || c.user == slacktest.Guest {
			c.channel = pick(r, []string{slacktest.General, slacktest.Random})
		}
		c.other = slacktest.Grace
		if c.user == slacktest.Grace {
			c.other = slacktest.Ada
		}
		if chance(r, .02) {
			c.think = between(r, 590*time.Second, 615*time.Second) // about when the prompt expires
		}
		if p.unsure && chance(r, .6) {
			c.what = pick(r, []deed{cancelsThenKeeps, cancelsThenKeeps, bothAtOnce})
		}
		p.commands = append(p.commands, c)
	}
	for range pick(r, []int{0, 0, 0, 1, 1, 1, 2, 3}) {
		c := crashPoint{slot: r.IntN(p.replicas), boundary: pick(r, boundaries), nth: 1, after: chance(r, .5), down: between(r, 200*time.Millisecond, 20*time.Second)}
		for chance(r, .3) {
			c.nth++
		}
		if idle[c.boundary] {
			c.nth = 1 + r.IntN(40)
		}
		if chance(r, .15) {
			c.down = between(r, 20*time.Second, 150*time.Second)
		}
		p.crashes = append(p.crashes, c)
	}
	for range pick(r, []int{0, 0, 0, 1, 2}) {
		p.pauses = append(p.pauses, span(r, r.IntN(p.replicas), p.faulty, 3*time.Second, 35*time.Second))
	}
	for range pick(r, []int{0, 0, 0, 1}) {
		p.outages = append(p.outages, span(r, r.IntN(p.replicas+1)-1, p.faulty, 2*time.Second, 60*time.Second))
	}
	if chance(r, .1) {
		by := pick(r, []time.Duration{3 * time.Second, 12 * time.Second, 3 * time.Minute, 2 * time.Hour})
		if chance(r, .5) {
			by = -by
		}
		p.clocks = append(p.clocks, clockStep{between(r, 0, p.faulty), r.IntN(p.replicas+1) - 1, by})
	}
	if chance(r, .15) {
		p.restarts = append(p.restarts, span(r, r.IntN(p.replicas), p.faulty, 0, 5*time.Second))
	}
	for range pick(r, []int{0, 0, 1, 2}) {
		p.sockets = append(p.sockets, socketEvent{between(r, time.Second, p.faulty), r.IntN(5)})
	}
	if chance(r, .15) {
		p.outside = append(p.outside, outsideEvent{between(r, 10*time.Second, p.faulty), firstTask, pick(r, []string{"cancelled", "completed", "failed"})})
	}
	if chance(r, .02) {
		p.asleep = between(r, 29*time.Minute, 40*time.Minute)
	}
	p.widen(rand.New(rand.NewPCG(seed, 4)))
	p.meddle(rand.New(rand.NewPCG(seed, 2)))
	p.strain(rand.New(rand.NewPCG(seed, 3)))
	p.fromMessages(rand.New(rand.NewPCG(seed, 5)))
	p.interrupt(rand.New(rand.NewPCG(seed, 6)))
	return p
}

// widen makes commands name several tasks. It has its own random source, too.
func (p *plan) widen(r *rand.Rand) {
	if !chance(r, .3) {
		return
	}
	p.tasks = 2 + r.IntN(4)
	for i := range p.commands {
		c := &p.commands[i]
		all := r.Perm(p.tasks)[:1+r.IntN(p.tasks)]
		c.task, c.more = firstTask+int64(all[0]), nil
		for _, n := range all[1:] {
			c.more = append(c.more, firstTask+int64(n))
		}
	}
}

// fromMessages makes people use the shortcut instead of commands. It has its own
// random source, too. Where reasons come from a modal, there are only commands.
func (p *plan) fromMessages(r *rand.Rand) {
	if p.modal || !chance(r, .25) {
		return
	}
	for i := range p.commands {
		p.commands[i].from = pick(r, []origin{aCommand, aMessage, aMessage, aReply})
	}
}

// tasksOf returns the tasks of a command, as people type them.
func (c command) tasksOf() string {
	text := fmt.Sprint(c.task)
	for _, task := range c.more {
		text += fmt.Sprintf(" %d", task)
	}
	return text
}

// meddle makes requests end early, rows vanish and rows appear. It has its own
// random source, so that it doesn't change other runs.
func (p *plan) meddle(r *rand.Rand) {
	if p.second && chance(r, .4) {
		p.lifetime = between(r, 15*time.Second, 45*time.Second)
		if chance(r, .5) {
			p.remind = p.lifetime / 2
		}
		p.crashes = append(p.crashes, rarely(r, *p, rarelyBrief)...)
	}
	if chance(r, .08) {
		for range 1 + r.IntN(2) {
			p.vanish = append(p.vanish, crashPoint{
				slot: r.IntN(p.replicas), nth: 1 + r.IntN(2),
				boundary: pick(r, []string{"Claim", "Claim", "Claim", "Claim", "Finish", "Finish", "MarkSent", "BeginAnnouncing"}),
			})
		}
		p.crashes = append(p.crashes, rarely(r, *p, rarelyGone)...)
	}
	if chance(r, .05) {
		for range 1 + r.IntN(3) {
			p.forged = append(p.forged, forgery{between(r, 5*time.Second, p.faulty), r.IntN(len(forgeries))})
		}
		p.crashes = append(p.crashes, rarely(r, *p, rarelyForged)...)
	}
}

// strain makes an attacker write into every table, bot tokens change at
// different moments, and facts slow. It has its own random source, too.
func (p *plan) strain(r *rand.Rand) {
	if chance(r, .12) {
		for range 1 + r.IntN(4) {
			p.meddled = append(p.meddled, forgery{between(r, 3*time.Second, 60*time.Second), r.IntN(len(meddlings))})
		}
	}
	if chance(r, .1) {
		p.slowInfo = true
		if chance(r, .5) { // and nothing else happens
			p.journalFaults, p.slackFaults, p.chamelioFaults, p.unsure, p.slow, p.lag = 0, 0, 0, false, false, 0
			p.crashes, p.pauses, p.outages, p.clocks, p.restarts, p.sockets, p.outside = nil, nil, nil, nil, nil, nil, nil
			p.vanish, p.forged, p.meddled = nil, nil, nil
		}
	}
	if chance(r, .12) {
		p.rotate(r)
	}
	p.modal = chance(r, .12) && !p.second // a request has its reason from the command
	if chance(r, .06) {                   // longer than the lease of a post
		p.cutOff = between(r, 122*time.Second, 170*time.Second)
		p.faulty += p.cutOff
	}
}

// rotate gives the first slot a new token at once, and makes everything else
// happen when that token signs.
func (p *plan) rotate(r *rand.Rand) {
	const later = 125 * time.Second
	p.rotated = append(p.rotated, 2*time.Second)
	for range p.replicas - 1 {
		p.rotated = append(p.rotated, between(r, 2*time.Second, later+60*time.Second))
	}
	p.faulty += later
	for i := range p.commands {
		p.commands[i].at += later
	}
	for _, all := range [][]window{p.pauses, p.outages, p.restarts} {
		for i := range all {
			all[i].from, all[i].to = all[i].from+later, all[i].to+later
		}
	}
	for i := range p.meddled {
		p.meddled[i].at += later
	}
	for i := range p.forged {
		p.forged[i].at += later
	}
}

// rarely returns one crash at a boundary that other runs hardly reach, or
// none.
func rarely(r *rand.Rand, p plan, at []string) []crashPoint {
	if chance(r, .5) {
		return nil
	}
	return []crashPoint{{slot: r.IntN(p.replicas), boundary: pick(r, at), nth: 1, after: chance(r, .5), down: between(r, 200*time.Millisecond, 20*time.Second)}}
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

func span(r *rand.Rand, slot int, within, least, most time.Duration) window {
	from := between(r, 2*time.Second, within)
	return window{slot: slot, from: from, to: from + between(r, least, most), hangs: chance(r, .5)}
}

// draw returns the random source of one call: the nth at a boundary of a slot.
func (p *plan) draw(slot int, boundary string, nth int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(boundary))
	return rand.New(rand.NewPCG(p.seed, h.Sum64()+uint64(slot)*1e6+uint64(nth)*1e9))
}
