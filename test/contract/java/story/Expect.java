package story;

import java.util.Objects;
import org.example.gateway.ApiException;
import org.example.gateway.model.Problem;

/** What the story expects. An error that is not caught ends the program with 1 and names the line. */
final class Expect {
    /** A call of a generated client. */
    interface Call {
        Object execute() throws ApiException;
    }

    private Expect() {}

    static void equal(Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) throw new AssertionError("expected " + expected + ", got " + actual);
    }

    static void holds(String what, boolean itDoes) {
        if (!itDoes) throw new AssertionError("not so: " + what);
    }

    /** The problem that the call fails with, which is this one. */
    static Problem refused(int status, String name, Call call) throws Exception {
        try {
            call.execute();
        } catch (ApiException e) {
            Problem problem = Problem.fromJson(e.getResponseBody());
            equal("/problems/" + name, problem.getType());
            equal(status, problem.getStatus());
            equal(status, e.getCode());
            return problem;
        }
        throw new AssertionError("not refused with " + name);
    }
}
