package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// silent returns a transport that gives no answer, or one with a body that
// never ends.
func silent(answers bool) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if !answers {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		reader, writer := io.Pipe()
		context.AfterFunc(r.Context(), func() { writer.CloseWithError(r.Context().Err()) })
		return &http.Response{StatusCode: http.StatusOK, Body: reader, Request: r}, nil
	}
}

func TestRequestEndsWithinItsLimit(t *testing.T) {
	for name, answers := range map[string]bool{"before the answer": false, "within the answer": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := http.Client{Transport: Within(20*time.Second, 1, silent(answers))}
				began := time.Now()
				resp, err := client.Get("http://slack.example/")
				if answers {
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					_, err = io.ReadAll(resp.Body)
				}
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 20*time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}

// A closed answer releases its resources before the time is over.
func TestClosedResponseReleasesItsTimeout(t *testing.T) {
	client := http.Client{Transport: Within(time.Hour, 1, roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
	}))}
	resp, err := client.Get("http://slack.example/")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Request.Context().Err() != nil {
		t.Error("its time ended before it was read")
	}
	resp.Body.Close()
	if resp.Request.Context().Err() == nil {
		t.Error("its time goes on")
	}
}

// An answer that is too large isn't cut short: its reader gets an error.
func TestAnswerBeyondItsSizeFails(t *testing.T) {
	const size = 1000
	for length, fits := range map[int]bool{0: true, size: true, size + 1: false, 100 * size: false} {
		client := http.Client{Transport: Within(time.Hour, size, roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(strings.Repeat("a", length))), Request: r}, nil
		}))}
		resp, err := client.Get("http://slack.example/")
		if err != nil {
			t.Fatal(err)
		}
		read, err := io.ReadAll(resp.Body)
		if (err == nil) != fits || fits && len(read) != length || len(read) > size {
			t.Errorf("of %d bytes %d are read: %v", length, len(read), err)
		}
		_ = resp.Body.Close()
	}
}
