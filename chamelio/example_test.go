package chamelio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func ExampleClient_Task() {
	api := chameliotest.NewServer()
	defer api.Close()
	client, err := chamelio.New(chamelio.Options{BaseURL: api.URL(), APIKey: chameliotest.Key})
	if err != nil {
		log.Fatal(err)
	}
	task, err := client.Task(context.Background(), 12345)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s (%s): %d of %d steps done, now at %s\n", task.Title, task.Status, task.StepsDone, task.StepsTotal, task.Step)
	// Output: Master agreement with Globex (in_progress): 3 of 5 steps done, now at Legal approval
}

func ExampleClient_Cancel() {
	api := chameliotest.NewServer()
	defer api.Close()
	client, err := chamelio.New(chamelio.Options{BaseURL: api.URL(), APIKey: chameliotest.Key})
	if err != nil {
		log.Fatal(err)
	}
	confirmed := time.Now()
	stillValid := func(context.Context) error {
		if time.Since(confirmed) > 30*time.Minute {
			return errors.New("the confirmation is too old")
		}
		return nil
	}
	if err := client.Cancel(context.Background(), 12345, stillValid); err != nil {
		log.Fatal(err)
	}
	task, _ := client.Task(context.Background(), 12345)
	fmt.Println(task.Status)
	// Output: cancelled
}

// Check the meaning of a failure for the task in this order.
func ExampleError() {
	api := chameliotest.NewServer()
	defer api.Close()
	api.Break(chameliotest.Gateway(504))
	client, err := chamelio.New(chamelio.Options{BaseURL: api.URL(), APIKey: chameliotest.Key})
	if err != nil {
		log.Fatal(err)
	}
	err = client.Cancel(context.Background(), 12345, nil)
	var e *chamelio.Error
	switch {
	case !errors.As(err, &e):
		fmt.Println("cancelled")
	case e.NotSent:
		fmt.Println("untouched: nothing was sent")
	case e.InFlight:
		fmt.Println("unknown: it may still happen, keep looking")
	case e.Ambiguous:
		fmt.Println("unknown: one look will tell")
	default:
		fmt.Println("untouched: the API refused,", e.Kind)
	}
	// Output: unknown: it may still happen, keep looking
}

// A client takes its share of the key's limit.
func ExampleClient_SetShare() {
	api := chameliotest.NewServer()
	defer api.Close()
	client, err := chamelio.New(chamelio.Options{BaseURL: api.URL(), APIKey: chameliotest.Key})
	if err != nil {
		log.Fatal(err)
	}
	org, err := client.OrgInfo(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	client.SetRateLimit(org.RateLimitPerMinute)
	client.SetShare(2) // another replica has started
	fmt.Println(org.Name)
	// Output: Acme Corporation
}
