package main

import (
	"context"
	"net/http"

	"example.org/worker/gateway"
)

func jobsOfTwoTubes(ctx context.Context, client *gateway.ClientWithResponses) {
	put(ctx, client, "story-two-a", "from a")
	put(ctx, client, "story-two-b", "from b")
	count := int32(10)
	tubes := &gateway.ReserveJobsFromTubesParams{Tube: []string{"story-two-a", "story-two-b"}, Count: &count}
	list := must(client.ReserveJobsFromTubesWithResponse(ctx, tubes)).JSON200
	bodies := map[string]string{}
	for _, reserved := range list.Reservations {
		bodies[reserved.Job.Tube] = reserved.Body
		must(client.DeleteReservedJobWithResponse(ctx, reserved.Reservation))
	}
	equal("jobs", len(bodies), 2)
	equal("body", bodies["story-two-a"], "from a")
	equal("body", bodies["story-two-b"], "from b")
}

func settledTogether(ctx context.Context, client *gateway.ClientWithResponses) {
	put(ctx, client, "story-settle", "one")
	put(ctx, client, "story-settle", "two")
	one, two := reserve(ctx, client, "story-settle"), reserve(ctx, client, "story-settle")
	delay := int64(100)
	results := must(client.SettleReservationsWithResponse(ctx, gateway.SettleRequest{Settle: []gateway.SettleItem{
		{Reservation: one.Reservation, Action: gateway.SettleItemActionDelete},
		{Reservation: two.Reservation, Action: gateway.SettleItemActionRelease, Delay: &delay},
		{Reservation: "made-up", Action: gateway.SettleItemActionTouch},
	}})).JSON200.Results
	equal("results", len(results), 3)
	equal("status", results[0].Status, http.StatusNoContent)
	equal("status", results[1].Status, http.StatusNoContent)
	equal("status", results[2].Status, http.StatusNotFound)
	equal("type", *results[2].Type, "/problems/reservation-not-found")
}

func figures(ctx context.Context, client *gateway.ClientWithResponses) {
	put(ctx, client, "story-figures", "work")
	tube := must(client.GetTubeWithResponse(ctx, "story-figures")).JSON200
	equal("ready", tube.CurrentJobsReady, 1)
	equal("total", tube.TotalJobs, 1)

	var names []string
	for _, listed := range must(client.ListTubesWithResponse(ctx)).JSON200.Tubes {
		if listed.CurrentJobsReady > 0 && listed.Name == "story-figures" {
			names = append(names, listed.Name)
		}
	}
	equal("listed", len(names), 1)

	server := must(client.GetServerWithResponse(ctx)).JSON200
	equal("puts", server.CmdPut > 0, true)
	equal("CPU time", server.RusageUtime >= 0, true)
	equal("largest job", server.MaxJobSize, 65535)
	equal("version", server.Gateway.Version != "", true)
}
