package main

import (
	"context"
	"errors"
	"time"

	"example.org/worker/gateway"
)

func waitAnsweredByAPut(ctx context.Context, client *gateway.ClientWithResponses) {
	tube := "story-wait"
	answer := beginWaiting(ctx, client, tube)
	untilSomebodyWaits(ctx, client, tube)
	id := put(ctx, client, tube, "work")
	expect(ctx, client, id, <-answer)
}

// waitThatIsCut shows that who gives up takes no job along: the next in line gets it.
func waitThatIsCut(ctx context.Context, client *gateway.ClientWithResponses) {
	tube := "story-cut"
	hasty, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	cut := beginWaiting(hasty, client, tube)
	untilSomebodyWaits(ctx, client, tube)

	patient, cancel := context.WithTimeout(ctx, longestWait+5*time.Second)
	defer cancel()
	answer := beginWaiting(patient, client, tube)

	equal("cut", errors.Is((<-cut).err, context.DeadlineExceeded), true)
	id := put(ctx, client, tube, "work")
	expect(ctx, client, id, <-answer)
}

const longestWait = 10 * time.Second

type waited struct {
	*gateway.ReserveJobsResponse
	err error
}

func beginWaiting(ctx context.Context, client *gateway.ClientWithResponses, tube string) <-chan waited {
	timeout := int32(longestWait.Seconds())
	answers := make(chan waited, 1)
	go func() {
		answer, err := client.ReserveJobsWithResponse(ctx, tube, &gateway.ReserveJobsParams{Timeout: &timeout})
		answers <- waited{answer, err}
	}()
	return answers
}

func expect(ctx context.Context, client *gateway.ClientWithResponses, id string, answer waited) {
	reservations := must(answer.ReserveJobsResponse, answer.err).JSON200.Reservations
	equal("reservations", len(reservations), 1)
	equal("id", reservations[0].Job.Id, id)
	equal("reserves", reservations[0].Job.Reserves, 1)
	must(client.DeleteReservedJobWithResponse(ctx, reservations[0].Reservation))
}

// untilSomebodyWaits returns when beanstalkd knows of the wait.
func untilSomebodyWaits(ctx context.Context, client *gateway.ClientWithResponses, tube string) {
	for ctx.Err() == nil {
		answer, err := client.GetTubeWithResponse(ctx, tube)
		if err == nil && answer.JSON200.CurrentWaiting > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	fail("nobody waits: %v", ctx.Err())
}
