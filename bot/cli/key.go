package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// tasks calls Chamelio with a key that can be replaced while the bot runs. A
// call in progress keeps its key, and is made again if that is refused.
type tasks struct {
	options chamelio.Options

	mu     sync.Mutex
	client *chamelio.Client
	key    string
	share  int    // replicas, 0 before the number is known
	org    string // the organisation's name, "" before it is known
}

func newTasks(o chamelio.Options) (*tasks, error) {
	client, err := chamelio.New(o)
	if err != nil {
		return nil, err
	}
	return &tasks{options: o, client: client, key: o.APIKey}, nil
}

// These errors reject a key: with one of another organisation, a prompt that is open
// would cancel a task that no one has seen.
var (
	errOtherOrganisation   = errors.New("it is a key of another organisation")
	errUnknownOrganisation = errors.New("Chamelio doesn't say whose key it is")
)

// use replaces the key for all new calls, if Chamelio accepts the new one for the
// same organisation. It does nothing if the key is the current one. If another try
// doesn't help, the error is a *chamelio.OptionError or errOtherOrganisation.
func (t *tasks) use(ctx context.Context, value secret.Value) error {
	key := value.Reveal()
	t.mu.Lock()
	o, current := t.options, t.key
	t.mu.Unlock()
	if key == current {
		return nil
	}
	o.APIKey = key
	client, err := chamelio.New(o)
	if err != nil {
		return fmt.Errorf("the new key: %w", err)
	}
	info, err := client.OrgInfo(ctx)
	if err != nil {
		return fmt.Errorf("asking Chamelio about the new key: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.org == "", info.Name == t.org:
	case info.Name == "":
		return errUnknownOrganisation
	default:
		return errOtherOrganisation
	}
	client.SetShare(t.share)
	client.SetRateLimit(info.RateLimitPerMinute)
	t.client, t.key = client, key
	return nil
}

func (t *tasks) now() *chamelio.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client
}

// withKey calls do with the current key's client. If Chamelio refuses a key that
// was replaced while do waited or was under way, that says nothing about the current
// one, and do is called again with that. Such a refusal is Chamelio's own, so the
// request had no effect.
func withKey[T any](t *tasks, do func(*chamelio.Client) (T, error)) (T, error) {
	for {
		client := t.now()
		out, err := do(client)
		if !doctor.KeyRefused(err) || t.now() == client {
			return out, err
		}
	}
}

// Task gets a task. It implements bot.Tasks.
func (t *tasks) Task(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	return withKey(t, func(c *chamelio.Client) (chamelio.Task, error) { return c.Task(ctx, id) })
}

// Preview gets a task with a lower priority. It implements bot.Tasks.
func (t *tasks) Preview(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	return withKey(t, func(c *chamelio.Client) (chamelio.Task, error) { return c.Preview(ctx, id) })
}

// Cancel cancels a task. It calls before for each request that it sends. It
// implements bot.Tasks.
func (t *tasks) Cancel(ctx context.Context, id chamelio.TaskID, before func(context.Context) error) error {
	_, err := withKey(t, func(c *chamelio.Client) (struct{}, error) { return struct{}{}, c.Cancel(ctx, id, before) })
	return err
}

// Connect makes sure that a connection is open. It implements bot.Tasks.
func (t *tasks) Connect(ctx context.Context) error { return t.now().Connect(ctx) }

// rateLimit returns how many requests a minute this replica may send, and how
// many now.
func (t *tasks) rateLimit() (perMinute, available int) { return t.now().RateLimit() }

// SetShare sets how many replicas share the key's rate limit. It implements
// bot.Tasks.
func (t *tasks) SetShare(replicas int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.share = replicas
	t.client.SetShare(replicas)
}

// check asks Chamelio whether the key is valid, and adopts its rate limit.
func (t *tasks) check(ctx context.Context) (chamelio.OrgInfo, error) {
	info, err := withKey(t, func(c *chamelio.Client) (chamelio.OrgInfo, error) {
		info, err := c.OrgInfo(ctx)
		if err == nil {
			c.SetRateLimit(info.RateLimitPerMinute)
		}
		return info, err
	})
	if err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.org = cmp.Or(info.Name, t.org)
	}
	return info, err
}
