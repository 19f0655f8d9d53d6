package story;

import static java.nio.charset.StandardCharsets.UTF_8;
import static story.Expect.equal;
import static story.Expect.holds;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.example.gateway.ApiException;
import org.example.gateway.model.Reservation;
import org.example.gateway.model.Server;
import org.example.gateway.model.SettleItem;
import org.example.gateway.model.SettleItem.ActionEnum;
import org.example.gateway.model.SettleRequest;
import org.example.gateway.model.SettleResult;
import org.example.gateway.model.Tube;

/** Several tubes, several reservations, and the figures of all. */
final class Tubes {
    private final Story story;

    Tubes(Story story) {
        this.story = story;
    }

    void tell() throws ApiException {
        jobsOfTwoTubes();
        settledTogether();
        figures();
    }

    private void jobsOfTwoTubes() throws ApiException {
        put("story-two-a", "from a");
        put("story-two-b", "from b");
        List<Reservation> reservations = story.consume
                .reserveJobsFromTubes(List.of("story-two-a", "story-two-b")).count(10).execute().getReservations();
        Map<String, String> bodies = new TreeMap<>();
        for (Reservation reserved : reservations) {
            bodies.put(reserved.getJob().getTube(), reserved.getBody());
            story.consume.deleteReservedJob(reserved.getReservation()).execute();
        }
        equal(Map.of("story-two-a", "from a", "story-two-b", "from b"), bodies);
    }

    private void settledTogether() throws ApiException {
        put("story-settle", "one");
        put("story-settle", "two");
        List<Reservation> held = story.consume.reserveJobs("story-settle").count(2).execute().getReservations();
        SettleRequest settle = new SettleRequest()
                .addSettleItem(item(held.get(0).getReservation(), ActionEnum.DELETE))
                .addSettleItem(item(held.get(1).getReservation(), ActionEnum.RELEASE).delay(100L))
                .addSettleItem(item("made-up", ActionEnum.TOUCH));
        List<SettleResult> results = story.consume.settleReservations(settle).execute().getResults();
        equal(List.of(204, 204, 404), results.stream().map(SettleResult::getStatus).toList());
        equal("/problems/reservation-not-found", results.get(2).getType());
    }

    private void figures() throws ApiException {
        put("story-figures", "work");
        Tube tube = story.tend.getTube("story-figures").execute();
        equal(1L, tube.getCurrentJobsReady());
        equal(1L, tube.getTotalJobs());
        List<String> names = story.tend.listTubes().execute().getTubes().stream().map(Tube::getName).toList();
        holds("it is listed", names.contains("story-figures"));

        Server server = story.tend.getServer().execute();
        holds("jobs were put", server.getCmdPut() > 0);
        holds("it used the CPU", server.getRusageUtime() >= 0.0);
        equal(65_535L, server.getMaxJobSize());
        holds("the gateway has a version", !server.getGateway().getVersion().isEmpty());
    }

    private static SettleItem item(String reservation, ActionEnum action) {
        return new SettleItem().reservation(reservation).action(action);
    }

    private void put(String tube, String body) throws ApiException {
        story.produce.putJob(tube, body.getBytes(UTF_8)).execute();
    }
}
