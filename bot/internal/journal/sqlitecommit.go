package journal

import (
	"context"
	"errors"
	"fmt"
)

// commitAll uses the writing connection until Close.
func (s *sqlite) commitAll() {
	defer close(s.done)
	for {
		select {
		case first := <-s.writes:
			s.commit(s.batch(first))
		case <-s.closing:
			return
		}
	}
}

// batch collects the writes that are waiting. It doesn't wait for more, so a
// single write isn't slower because of batches.
func (s *sqlite) batch(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case next := <-s.writes:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. If a statement fails, each write of
// the batch gets a transaction of its own, so that none fails because of
// another.
func (s *sqlite) commit(batch []*write) {
	lost := s.transact(batch)
	if errors.As(lost, new(*statementError)) && len(batch) > 1 {
		for _, w := range batch {
			s.commit([]*write{w})
		}
		return
	}
	for _, w := range batch {
		w.lost = lost
		close(w.done)
	}
}

func (s *sqlite) transact(batch []*write) error {
	// A context that never ends. A writer's own would end the others'
	// transaction, and the driver would start a goroutine per statement to
	// watch it. Waiting for a lock is bounded by busy_timeout, and a writer
	// waits for the commit only as long as its own context lasts.
	ctx := context.Background()
	q := querier{dialect: &s.dialect, on: s.writing}
	if _, err := q.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := s.doAll(ctx, q, batch); err != nil {
		_, _ = q.exec(ctx, `ROLLBACK`) // the next batch needs the connection clean
		return err
	}
	return s.inPlace() // after the commit: what was written is in the file that the next start opens
}

// statementError means that a write's statement failed, and not the
// transaction.
type statementError struct{ error }

func (e *statementError) Unwrap() error { return e.error }

func (s *sqlite) doAll(ctx context.Context, q querier, batch []*write) error {
	for _, w := range batch {
		if w.err = context.Cause(w.ctx); w.err != nil {
			continue // no one waits for it any more
		}
		if w.out, w.err = w.do(ctx, q); w.err != nil && !isAnswer(w.err) {
			return &statementError{w.err}
		}
	}
	if _, err := q.exec(ctx, `COMMIT`); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}
