"""The process dies, or the engine fails, at a named point: what was answered 200 is there afterwards.
Needs a build with ENABLE_FAULTS."""

from support import Daemon, drain, main, make_queue

POINTS = ("store.commit.before_sync", "store.commit.after_sync", "pump.before_commit")


def send_until_it_dies(daemon, url, most=400):
    accepted = []
    sqs = daemon.client("sqs")
    for i in range(most):
        try:
            sqs.send_message(QueueUrl=url, MessageBody=str(i))
            accepted.append(str(i))
        except Exception:
            break
    return accepted


def everything(daemon, url, accepted):
    got = [m["Body"] for m in drain(daemon.client("sqs"), url, len(accepted), seconds=30)]
    assert set(accepted) <= set(got), "lost: %s" % sorted(set(accepted) - set(got))
    assert len(got) <= len(set(got)) + 0, "one message twice without a second receive"


def a_kill_at_any_point_loses_nothing():
    for point in POINTS:
        for passage in (12, 25):
            daemon = Daemon()
            try:
                daemon.start()
                url, _ = make_queue(daemon.client("sqs"), "faulty")
                assert daemon.stop() == 0
                daemon.environment["FAULTS"] = "%s:%d:kill" % (point, passage)
                daemon.start()
                accepted = send_until_it_dies(daemon, url)
                daemon.process.wait(10)
                assert daemon.process.returncode == -9, "it was not killed at " + point
                del daemon.environment["FAULTS"]
                daemon.start()
                everything(daemon, url, accepted)
                print("%s:%d: %d were answered 200" % (point, passage, len(accepted)))
            finally:
                daemon.close()


def a_failed_commit_is_told_and_the_server_goes_on():
    with Daemon(environment={"FAULTS": "store.commit.fail:20:fail"}) as daemon:
        url, _ = make_queue(daemon.client("sqs"), "failing")
        sqs = daemon.client("sqs")
        accepted, refused = [], 0
        for i in range(60):
            try:
                sqs.send_message(QueueUrl=url, MessageBody=str(i))
                accepted.append(str(i))
            except sqs.exceptions.ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error.response
                refused += 1
        assert refused >= 1, "the fault point was not passed"
        assert len(accepted) >= 40, "it did not go on: %d" % len(accepted)
        everything(daemon, url, accepted)
        assert "commit_failed" in daemon.log() and "cell_reload" in daemon.log()


main([a_kill_at_any_point_loses_nothing, a_failed_commit_is_told_and_the_server_goes_on])
