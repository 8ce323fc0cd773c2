#!/usr/bin/python3
"""The KMS that is served here, by boto3: each operation, and that keys outlive the process and are nowhere in plain."""
import datetime
import json
import os
import tempfile

from support import FANFARE, Daemon, expect_error, main

ENDS = []


def new_key():
    folder = tempfile.TemporaryDirectory(prefix="fanfare-key-")
    ENDS.append(folder)
    path = os.path.join(folder.name, "master")
    with open(path, "wb") as file:
        file.write(os.urandom(32))
    os.chmod(path, 0o400)
    return path


def kms_daemon(*arguments):
    return Daemon("--set", "master_key=" + new_key(), *arguments)


def keys_are_made_described_and_listed():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        made = kms.create_key(Description="for orders")["KeyMetadata"]
        assert made["Arn"] == "arn:aws:kms:us-east-1:000000000000:key/" + made["KeyId"], made
        assert (made["KeyState"], made["Enabled"], made["KeyManager"], made["KeyUsage"]) == ("Enabled", True, "CUSTOMER", "ENCRYPT_DECRYPT"), made
        assert made["KeySpec"] == "SYMMETRIC_DEFAULT" and made["Origin"] == "AWS_KMS" and made["MultiRegion"] is False, made
        age = datetime.datetime.now(datetime.timezone.utc) - made["CreationDate"]
        assert abs(age.total_seconds()) < 60, made
        for name in (made["KeyId"], made["Arn"]):
            assert kms.describe_key(KeyId=name)["KeyMetadata"] == made
        others = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)} | {made["KeyId"]}
        first = kms.list_keys(Limit=4)
        assert first["Truncated"] and len(first["Keys"]) == 4, first
        rest = kms.list_keys(Limit=4, Marker=first["NextMarker"])
        assert not rest["Truncated"], rest
        assert {k["KeyId"] for k in first["Keys"] + rest["Keys"]} == others
        assert all(k["KeyArn"].endswith(k["KeyId"]) for k in rest["Keys"])
        assert daemon.client("kms", account="111122223333").list_keys()["Keys"] == []
        kms.update_key_description(KeyId=made["KeyId"], Description="other words")
        daemon.kill()
        daemon.start()
        assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["Description"] == "other words"
        assert expect_error("NotFoundException", kms.describe_key, KeyId="8f8d3ab1-0000-4000-8000-000000000000") == \
            "Key 'arn:aws:kms:us-east-1:000000000000:key/8f8d3ab1-0000-4000-8000-000000000000' does not exist"
        assert expect_error("NotFoundException", kms.describe_key, KeyId="x") == "Invalid keyId 'x'"
        expect_error("UnsupportedOperationException", kms.create_key, KeyUsage="SIGN_VERIFY", CustomerMasterKeySpec="RSA_2048")
        assert daemon.client("kms", account="111122223333").list_keys()["Keys"] == []
        expect_error("NotFoundException", daemon.client("kms", account="111122223333").describe_key, KeyId=made["Arn"])


def what_is_encrypted_comes_back_in_its_context_only():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        other = kms.create_key()["KeyMetadata"]["Arn"]
        context = {"b": "2", "a": "1"}
        sealed = kms.encrypt(KeyId=key, Plaintext=b"marker \0 bytes", EncryptionContext=context)
        assert sealed["KeyId"] == key and b"marker" not in sealed["CiphertextBlob"], sealed
        again = kms.encrypt(KeyId=key, Plaintext=b"marker \0 bytes", EncryptionContext=context)
        assert again["CiphertextBlob"] != sealed["CiphertextBlob"]
        blob = sealed["CiphertextBlob"]
        daemon.kill()
        daemon.start()
        opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"})
        assert (opened["Plaintext"], opened["KeyId"]) == (b"marker \0 bytes", key), opened
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context, KeyId=key)["Plaintext"] == b"marker \0 bytes"
        for wrong in ({}, {"a": "1"}, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": "3"}):
            assert expect_error("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=wrong) == ""
        expect_error("IncorrectKeyException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=other)
        for bad in (blob[:-1], blob[:-1] + bytes([blob[-1] ^ 1]), b"x" + blob[1:], b"x"):
            expect_error("InvalidCiphertextException", kms.decrypt, CiphertextBlob=bad, EncryptionContext=context)
        expect_error("InvalidCiphertextException", daemon.client("kms", account="111122223333").decrypt,
                     CiphertextBlob=blob, EncryptionContext=context)
        assert kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)["CiphertextBlob"])["Plaintext"] == b"x" * 4096
        expect_error("ValidationException", kms.encrypt, KeyId=key, Plaintext=b"x" * 4097)
        moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other, DestinationEncryptionContext={"n": "1"})
        assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other), moved
        assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"n": "1"})["Plaintext"] == b"marker \0 bytes"


def data_keys_and_random_bytes():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        for wish, length in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 64}, 64)):
            made = kms.generate_data_key(KeyId=key, EncryptionContext={"q": "1"}, **wish)
            assert len(made["Plaintext"]) == length, made
            assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"q": "1"})["Plaintext"] == made["Plaintext"]
            made = kms.generate_data_key_without_plaintext(KeyId=key, **wish)
            assert "Plaintext" not in made, made
            assert len(kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]) == length
        expect_error("ValidationException", kms.generate_data_key, KeyId=key)
        expect_error("ValidationException", kms.generate_data_key, KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
        assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
        expect_error("ValidationException", kms.generate_random, NumberOfBytes=1025)


def aliases_name_keys():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        one, two = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
        kms.create_alias(AliasName="alias/orders", TargetKeyId=one)
        kms.create_alias(AliasName="alias/a/b", TargetKeyId=one)
        expect_error("AlreadyExistsException", kms.create_alias, AliasName="alias/orders", TargetKeyId=two)
        expect_error("InvalidAliasNameException", kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=two)
        expect_error("ValidationException", kms.create_alias, AliasName="orders", TargetKeyId=two)
        expect_error("NotFoundException", kms.update_alias, AliasName="alias/none", TargetKeyId=two)
        blob = kms.encrypt(KeyId="alias/orders", Plaintext=b"first")["CiphertextBlob"]
        kms.update_alias(AliasName="alias/orders", TargetKeyId=two)
        daemon.kill()
        daemon.start()
        assert kms.describe_key(KeyId="alias/orders")["KeyMetadata"]["KeyId"] == two
        assert kms.describe_key(KeyId="arn:aws:kms:us-east-1:000000000000:alias/a/b")["KeyMetadata"]["KeyId"] == one
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"first"
        named = [(a["AliasName"], a["TargetKeyId"]) for a in kms.list_aliases()["Aliases"]]
        assert named == [("alias/a/b", one), ("alias/orders", two)], named
        page = kms.list_aliases(Limit=1)
        assert page["Truncated"] and [a["AliasName"] for a in kms.list_aliases(Marker=page["NextMarker"])["Aliases"]] == ["alias/orders"]
        assert [a["AliasName"] for a in kms.list_aliases(KeyId=two)["Aliases"]] == ["alias/orders"]
        kms.delete_alias(AliasName="alias/orders")
        expect_error("NotFoundException", kms.describe_key, KeyId="alias/orders")
        for service in ("sqs", "sns"):
            managed = kms.describe_key(KeyId="alias/aws/" + service)["KeyMetadata"]
            assert managed["KeyManager"] == "AWS", managed
            assert kms.describe_key(KeyId="alias/aws/" + service)["KeyMetadata"]["KeyId"] == managed["KeyId"]
            expect_error("UnsupportedOperationException", kms.disable_key, KeyId=managed["KeyId"])
        daemon.kill()
        daemon.start()
        assert {"alias/aws/sqs", "alias/aws/sns"} <= {a["AliasName"] for a in kms.list_aliases()["Aliases"]}


def keys_that_are_disabled_or_to_be_deleted_are_not_used():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        key = kms.create_key()["KeyMetadata"]
        blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
        kms.disable_key(KeyId=key["KeyId"])
        assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
        assert expect_error("DisabledException", kms.decrypt, CiphertextBlob=blob) == key["Arn"] + " is disabled."
        expect_error("DisabledException", kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
        expect_error("DisabledException", kms.generate_data_key, KeyId=key["KeyId"], KeySpec="AES_256")
        kms.enable_key(KeyId=key["KeyId"])
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
        expect_error("ValidationException", kms.schedule_key_deletion, KeyId=key["KeyId"], PendingWindowInDays=6)
        ends = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)["DeletionDate"]
        days = (ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400
        assert 6.9 < days < 7.1, ends
        daemon.kill()
        daemon.start()
        assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
        assert expect_error("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob) == key["Arn"] + " is pending deletion."
        expect_error("KMSInvalidStateException", kms.enable_key, KeyId=key["KeyId"])
        kms.cancel_key_deletion(KeyId=key["KeyId"])
        assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
        kms.enable_key(KeyId=key["KeyId"])
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


def policies_are_kept():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}, policy
        mine = '{"Version": "2012-10-17", "Statement": []}'
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=mine)
        assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == mine
        expect_error("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=key, PolicyName="default", Policy="{")
        expect_error("NotFoundException", kms.get_key_policy, KeyId=key, PolicyName="other")


def without_the_master_key_keys_are_kept_and_not_used():
    with kms_daemon() as daemon:
        kms = daemon.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
        arguments = daemon.arguments
        for without in ([], ["--set", "master_key=" + new_key()]):
            daemon.kill()
            daemon.arguments = without
            daemon.start()
            assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
            expect_error("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob)
            expect_error("KMSInvalidStateException", kms.encrypt, KeyId=key, Plaintext=b"x")
        daemon.kill()
        daemon.arguments = []
        daemon.start()
        expect_error("UnsupportedOperationException", kms.create_key)
        new = new_key()
        for given in (arguments[1].replace("=", "=" + new + ",", 1), "master_key=" + new):
            daemon.kill()  # a new master key takes the keys over
            daemon.arguments = ["--set", given]
            daemon.start()
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
            kms.create_key()  # on disk behind what the start wrote


def queues_and_topics_need_their_keys():
    with kms_daemon() as daemon:
        kms, sqs, sns = (daemon.client(name) for name in ("kms", "sqs", "sns"))
        key = kms.create_key()["KeyMetadata"]
        kms.create_alias(AliasName="alias/mine", TargetKeyId=key["KeyId"])
        urls = [sqs.create_queue(QueueName="q%d" % i, Attributes={"KmsMasterKeyId": name})["QueueUrl"]
                for i, name in enumerate((key["KeyId"], key["Arn"], "alias/mine", "arn:aws:kms:us-east-1:000000000000:alias/mine"))]
        topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": "alias/mine"})["TopicArn"]
        entries = [{"Id": "a", "MessageBody": "b"}]
        for url in urls:
            sqs.send_message(QueueUrl=url, MessageBody="kept")
        sns.publish(TopicArn=topic, Message="x")

        def refused(query_code, sns_code, words):
            for url in urls:
                for call, named in ((sqs.send_message, {"MessageBody": "x"}), (sqs.send_message_batch, {"Entries": entries}), (sqs.receive_message, {})):
                    said = expect_error(query_code, call, QueueUrl=url, **named)  # boto3 has that one on both protocols
                    assert words in said, said
            expect_error(sns_code, sns.publish, TopicArn=topic, Message="x")
            expect_error(sns_code, sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "x"}])

        kms.disable_key(KeyId=key["KeyId"])
        refused("KMS.DisabledException", "KMSDisabled", key["Arn"] + " is disabled.")
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        refused("KMS.InvalidStateException", "KMSInvalidState", "is pending deletion.")
        kms.cancel_key_deletion(KeyId=key["KeyId"])
        kms.enable_key(KeyId=key["KeyId"])
        for url in urls:
            assert [m["Body"] for m in sqs.receive_message(QueueUrl=url)["Messages"]] == ["kept"]
        url = sqs.create_queue(QueueName="none", Attributes={"KmsMasterKeyId": "alias/none"})["QueueUrl"]
        urls, topic = [url], sns.create_topic(Name="none", Attributes={"KmsMasterKeyId": "alias/none"})["TopicArn"]
        refused("KMS.NotFoundException", "KMSNotFound", "does not exist")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": ""})
        sqs.send_message(QueueUrl=url, MessageBody="x")


if __name__ == "__main__":
    assert os.path.exists(FANFARE), FANFARE
    main([keys_are_made_described_and_listed, what_is_encrypted_comes_back_in_its_context_only, data_keys_and_random_bytes,
          aliases_name_keys, keys_that_are_disabled_or_to_be_deleted_are_not_used, policies_are_kept,
          without_the_master_key_keys_are_kept_and_not_used, queues_and_topics_need_their_keys])
