"""A disk that is full of what the server itself wrote: sends are refused, deletions go through, nobody is killed by a limit on
the size of files, and once all is consumed an idle server takes work again within seconds."""

import resource
import time

import botocore.exceptions

from support import Daemon, main, make_queue, wait_until

LIMIT = 48 << 20  # of each file: it stands for the disk
BODY = "x" * 200000


def send_until_refused(sqs, url):
    sent = 0
    while True:
        try:
            sqs.send_message(QueueUrl=url, MessageBody=BODY)
            sent += 1
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error.response
            return sent


def consume(sqs, url):
    """Receives and deletes all; how many there were."""
    got = 0
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return got
        for message in messages:
            assert message["Body"] == BODY
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            got += 1


def an_idle_server_takes_work_again():
    daemon = Daemon("--set", "free_space_watermark=16MiB")
    daemon.prepare = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    with daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "q")
        for number in range(3):
            sent = send_until_refused(sqs, url)
            assert sent > 20, sent
            got = consume(sqs, url)
            assert got >= sent, (got, sent)  # one more if it was stored after all

            def is_taken():
                try:
                    sqs.send_message(QueueUrl=url, MessageBody=BODY)
                    return True
                except botocore.exceptions.ClientError:
                    return False

            began = time.time()
            wait_until(is_taken, "a send that is accepted", 60, 0.2)
            print("round %d: %d messages, takes work again after %.1f s" % (number, sent, time.time() - began))
            if number == 1:
                daemon.kill()
                daemon.start()
                sqs = daemon.client("sqs")
                url = sqs.get_queue_url(QueueName="q")["QueueUrl"]


main([an_idle_server_takes_work_again])
