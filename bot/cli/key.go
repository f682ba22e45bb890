package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// tasks calls Chamelio with a key that can be replaced while the bot runs. A
// call in progress keeps its key, and is made again if that is refused.
type tasks struct {
	options chamelio.Options
	journal organisations
	reread  func(context.Context) // reads the key's file, and uses a new key; may be nil

	mu      sync.Mutex
	client  *chamelio.Client
	key     string
	share   int   // replicas, 0 before the number is known
	proven  bool  // the key is of the journal's organisation
	foreign error // it certainly isn't; nil otherwise

	asking singleflight.Group // whose key it is: one call for all that wait for it
}

// organisations is the part of the journal that says whose tasks it is about.
type organisations interface {
	Bind(context.Context, journal.Organisation) (journal.Organisation, error)
}

func newTasks(o chamelio.Options, j organisations) (*tasks, error) {
	client, err := chamelio.New(o)
	if err != nil {
		return nil, err
	}
	return &tasks{options: o, journal: j, client: client, key: o.APIKey}, nil
}

// ours returns nil if a key is of the journal's organisation; see doctor.SameOrganisation.
func (t *tasks) ours(ctx context.Context, info chamelio.OrgInfo) error {
	has, err := t.journal.Bind(ctx, journal.Organisation{Name: info.Name, KeyID: info.APIKeyID})
	if err != nil {
		return err
	}
	return doctor.SameOrganisation(has, info)
}

// use replaces the key for all new calls, if Chamelio accepts the new one for the
// journal's organisation. It does nothing if the key is the current one. If another try
// doesn't help, the error is a *chamelio.OptionError, or has the reason KeyForeign.
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
	if err == nil {
		err = t.ours(ctx, info)
	}
	if err != nil {
		return fmt.Errorf("asking whose the new key is: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	client.SetShare(t.share)
	client.SetRateLimit(info.RateLimitPerMinute)
	t.client, t.key, t.proven, t.foreign = client, key, true, nil
	return nil
}

// now returns the client with the current key.
func (t *tasks) now() *chamelio.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client
}

// withKey calls do with the current key's client, once it is known that this key is of
// the journal's organisation: what another organisation answers counts for nothing, and no
// one may see it. If the key was replaced while do waited or was under way, and that is
// why it failed, nothing has taken effect, and do is called again with the new one.
func withKey[T any](ctx context.Context, t *tasks, do func(*chamelio.Client) (T, error)) (out T, err error) {
	for {
		client := t.now()
		if err = t.prove(ctx, client); err == nil {
			out, err = do(client)
		}
		if !t.replaced(ctx, client, err) {
			return out, err
		}
	}
}

// replaced reports whether a call failed because its client's key was replaced. Before a
// refusal counts, the key's file is read again: someone may have written a new key there,
// and revoked the old one.
func (t *tasks) replaced(ctx context.Context, client *chamelio.Client, err error) bool {
	switch {
	case errors.Is(err, errReplaced):
		return true
	case !doctor.KeyRefused(err):
		return false
	case t.now() == client && t.reread != nil:
		t.reread(ctx)
	}
	return t.now() != client
}

// Task gets a task for someone who waits for it. It implements bot.Tasks.
func (t *tasks) Task(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	return withKey(ctx, t, func(c *chamelio.Client) (chamelio.Task, error) { return c.Task(ctx, id) })
}

// Check gets a task to find out the effect of a cancel. It implements bot.Tasks.
func (t *tasks) Check(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	return withKey(ctx, t, func(c *chamelio.Client) (chamelio.Task, error) { return c.Check(ctx, id) })
}

// Preview gets a task with the lowest priority. It implements bot.Tasks.
func (t *tasks) Preview(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	return withKey(ctx, t, func(c *chamelio.Client) (chamelio.Task, error) { return c.Preview(ctx, id) })
}

// Cancel cancels a task. It calls before for each request that it sends. It implements
// bot.Tasks.
func (t *tasks) Cancel(ctx context.Context, id chamelio.TaskID, before func(context.Context) error) error {
	_, err := withKey(ctx, t, func(c *chamelio.Client) (struct{}, error) {
		return struct{}{}, c.Cancel(ctx, id, func(ctx context.Context) error {
			if err := t.prove(ctx, c); err != nil { // it has waited for the rate limit since
				return err
			}
			return before(ctx)
		})
	})
	if unproven := new(unprovenError); errors.As(err, &unproven) {
		return &chamelio.Error{Method: http.MethodPost, Path: fmt.Sprintf("/tasks/%d/cancel", id), Kind: chamelio.ErrNotSent, NotSent: true, Err: unproven}
	}
	return err
}

// errReplaced means that a key was replaced while a request waited.
var errReplaced = errors.New("the key has been replaced")

// unprovenError means that a request wasn't sent, because it isn't known whose the key is.
// It hides why: an answer about the key says nothing about a task.
type unprovenError struct{ why error }

func (e *unprovenError) Error() string { return "asking whose the key is: " + e.why.Error() }

// prove returns nil if a client has the current key, and that is one of the journal's
// organisation. Soon after the start it may have to ask. If Chamelio refuses to say whose
// key it is, because of the key or because of its rate limit, that is the error; any other
// is an *unprovenError.
func (t *tasks) prove(ctx context.Context, client *chamelio.Client) error {
	t.mu.Lock()
	current, proven, foreign := t.client == client, t.proven, t.foreign
	t.mu.Unlock()
	switch {
	case !current:
		return errReplaced
	case proven:
		return nil
	case foreign != nil:
		return foreign
	}
	_, err := t.checkOnce(ctx, client)
	if err == nil || errors.Is(err, errReplaced) || doctor.KeyRefused(err) || errors.Is(err, chamelio.ErrRateLimited) {
		return err
	}
	return &unprovenError{err}
}

// Address returns where the tasks are. It implements bot.Tasks.
func (t *tasks) Address() string { return t.now().Address() }

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

// check asks Chamelio whether the key is valid, the journal whether it is of its
// organisation, and adopts its rate limit.
func (t *tasks) check(ctx context.Context) (chamelio.OrgInfo, error) {
	for {
		client := t.now()
		if info, err := t.checkOnce(ctx, client); !t.replaced(ctx, client, err) {
			return info, err
		}
	}
}

// checkOnce is check for the key of a client. The error is errReplaced if that isn't the
// current one any more. Callers that come together share one call, which doesn't end with
// the context of the first one.
func (t *tasks) checkOnce(ctx context.Context, client *chamelio.Client) (chamelio.OrgInfo, error) {
	asked := t.asking.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.options.Timeout+tryTimeout)
		defer cancel()
		return t.ask(ctx, client)
	})
	select {
	case answer := <-asked:
		info, _ := answer.Val.(chamelio.OrgInfo)
		return info, answer.Err
	case <-ctx.Done():
		return chamelio.OrgInfo{}, context.Cause(ctx)
	}
}

// ask makes the call of checkOnce, and keeps what it shows about the current key.
func (t *tasks) ask(ctx context.Context, client *chamelio.Client) (chamelio.OrgInfo, error) {
	info, err := client.OrgInfo(ctx)
	if err == nil {
		client.SetRateLimit(info.RateLimitPerMinute)
		err = t.ours(ctx, info)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.client != client:
		return info, errReplaced
	case err == nil:
		t.proven, t.foreign = true, nil
	case doctor.KeyForeign(err):
		t.proven, t.foreign = false, err
	}
	return info, err
}
