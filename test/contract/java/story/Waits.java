package story;

import static java.nio.charset.StandardCharsets.UTF_8;
import static story.Expect.equal;
import static story.Expect.holds;

import java.net.SocketTimeoutException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.example.gateway.ApiClient;
import org.example.gateway.ApiException;
import org.example.gateway.api.ConsumeApi;
import org.example.gateway.model.Reservation;
import org.example.gateway.model.ReservationList;

/** Waiting for a job, and what becomes of a wait that the client gives up. */
final class Waits {
    private final Story story;

    Waits(Story story) {
        this.story = story;
    }

    void tell() throws Exception {
        waitAnsweredByAPut();
        waitThatIsCut();
    }

    private void waitAnsweredByAPut() throws Exception {
        FutureTask<ReservationList> wait = begin(() -> story.consume.reserveJobs("story-wait").timeout(9).execute());
        untilSomebodyWaits("story-wait");
        expect(put("story-wait"), wait);
    }

    /** OkHttp gives up after 10 s unless told otherwise. Who gives up takes no job along: the next in line gets it. */
    private void waitThatIsCut() throws Exception {
        FutureTask<ReservationList> hasty = begin(() -> story.consume.reserveJobs("story-cut").timeout(30).execute());
        untilSomebodyWaits("story-cut");

        ApiClient client = Story.clientOf(System.getenv("GATEWAY_URL"));
        client.setReadTimeout(35_000); // ms: 5 s more than the longest timeout that it asks for
        ConsumeApi patient = new ConsumeApi(client);
        FutureTask<ReservationList> wait = begin(() -> patient.reserveJobs("story-cut").timeout(30).execute());

        try {
            hasty.get();
            throw new AssertionError("the wait was not cut");
        } catch (ExecutionException e) {
            holds("OkHttp gave up", e.getCause().getCause() instanceof SocketTimeoutException);
        }
        expect(put("story-cut"), wait);
    }

    private void expect(String id, FutureTask<ReservationList> wait) throws Exception {
        List<Reservation> reservations = wait.get().getReservations();
        equal(1, reservations.size());
        Reservation reserved = reservations.get(0);
        equal(id, reserved.getJob().getId());
        equal(1L, reserved.getJob().getReserves());
        story.consume.deleteReservedJob(reserved.getReservation()).execute();
    }

    private String put(String tube) throws ApiException {
        return story.produce.putJob(tube, "work".getBytes(UTF_8)).execute().getId();
    }

    /** Returns when beanstalkd knows of the wait. */
    private void untilSomebodyWaits(String tube) throws ApiException, InterruptedException {
        while (!somebodyWaits(tube)) Thread.sleep(5);
    }

    private boolean somebodyWaits(String tube) throws ApiException {
        try {
            return story.tend.getTube(tube).execute().getCurrentWaiting() > 0;
        } catch (ApiException e) {
            if (e.getCode() == 404) return false;
            throw e;
        }
    }

    private static <T> FutureTask<T> begin(Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(call);
        new Thread(task).start();
        return task;
    }
}
