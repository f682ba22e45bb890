package journal

import (
	"context"
	"errors"
	"time"
)

// Operation is a kind of access to the database.
type Operation string

// The operations.
const (
	OpRead        Operation = "read"        // a query, until its first row
	OpWrite       Operation = "write"       // a change by one statement, with its commit
	OpTransaction Operation = "transaction" // a change by several statements, with its commit
)

// Operations returns all operations.
func Operations() []Operation { return []Operation{OpRead, OpWrite, OpTransaction} }

// Observer is called after each operation, with how long it took, and its error
// if it failed. It must be safe for concurrent use and return at once.
type Observer func(op Operation, took time.Duration, err error)

// observed is an engine that reports its operations.
type observed struct {
	engine
	report Observer
}

func (o *observed) read() querier {
	q := o.engine.read()
	q.report = func(began time.Time, err error) { o.report(OpRead, time.Since(began), err) }
	return q
}

func (o *observed) write(ctx context.Context, do work) (any, error) {
	return o.run(ctx, OpWrite, o.engine.write, do)
}

func (o *observed) together(ctx context.Context, do work) (any, error) {
	return o.run(ctx, OpTransaction, o.engine.together, do)
}

func (o *observed) run(ctx context.Context, op Operation, run func(context.Context, work) (any, error), do work) (any, error) {
	began := time.Now()
	out, err := run(ctx, do)
	failed := err
	if isAnswer(err) || errors.Is(err, errOccupied) {
		failed = nil
	}
	o.report(op, time.Since(began), failed)
	return out, err
}
