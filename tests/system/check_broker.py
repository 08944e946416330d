"""The plain broker: with mosquitto's command-line clients, what a stranger would try first; and under kill -9."""
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from mqtt_raw import PUBLISH, Closed, Device, PlainLink, packet, publish_packet
from service import Service, until

SECONDS = 20


class Broker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spoke-check-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.running = []
        self.service = None
        self.start()

    def tearDown(self):
        for client in self.running:
            client.kill()
            client.communicate()
        self.service.kill()
        self.service.process.stdout.close()

    def start(self):
        self.service = Service("--data-dir", self.folder, "--mqtt-port", "0", "--https-port", "0",
                               "--plain-mqtt", "127.0.0.1:0", "--log-level", "info")
        lines = [self.service.process.stdout.readline().rstrip("\n") for _ in range(2)]
        where = dict(line.partition("=")[::2] for line in lines)
        self.where = where["SPOKE_PLAIN_MQTT_HOST"], int(where["SPOKE_PLAIN_MQTT_PORT"])
        self.address = ["-h", where["SPOKE_PLAIN_MQTT_HOST"], "-p", where["SPOKE_PLAIN_MQTT_PORT"], "-V", "mqttv311"]

    def kill_and_start(self):
        self.service.kill()
        self.service.process.stdout.close()
        self.start()


class KilledBroker(Broker):
    rounds, burst = 20, 300

    def client(self, client_id, clean):
        link = PlainLink(*self.where)
        self.addCleanup(link.close)
        device = Device(link)
        self.assertEqual(device.connect(client_id, "", None, clean=clean)[0], 0)
        return device

    def publish_until_killed(self, number):
        """What was acknowledged of a burst."""
        device, acknowledged = self.client("speaker", True), []
        for i in range(1, self.burst + 1):
            device.send(publish_packet("k", f"{number}/{i}", qos=1, packet_id=i))
        killer = threading.Timer(random.Random(number).uniform(0, 0.03), self.service.process.kill)
        killer.start()
        try:
            while len(acknowledged) < self.burst:
                first, body = device.read_packet()
                self.assertEqual(first, 0x40)
                acknowledged.append(f"{number}/{int.from_bytes(body, 'big')}")
        except Closed:
            pass
        killer.join()
        self.kill_and_start()
        return acknowledged

    def collect_all(self):
        device, heard = self.client("keeper", False), []
        device.send(packet(0xC0))
        while True:
            first, body = device.read_packet(2)
            if first >> 4 == PUBLISH:
                device._read_publish(first, body)
                message = device.publishes.popleft()
                heard.append(message.payload.decode())
                device.puback(message.packet_id)
                device.send(packet(0xC0))
            elif not device.buffer and self.is_silent(device):
                return heard

    def is_silent(self, device):
        try:
            device.buffer += device.link.receive(0.5)
        except TimeoutError:
            return True
        return False

    def test_nothing_acknowledged_is_lost_and_the_order_stays(self):
        self.client("keeper", False).subscribe([("k", 1)])
        acknowledged = [name for number in range(self.rounds) for name in self.publish_until_killed(number)]
        heard = self.collect_all()
        print(f"{self.rounds} kills, {len(acknowledged)} of {self.rounds * self.burst} messages were acknowledged, {len(heard)} were kept")
        self.assertEqual(set(acknowledged) - set(heard), set())
        self.assertEqual(len(heard), len(set(heard)))
        order = [tuple(map(int, name.split("/"))) for name in heard]
        self.assertEqual(order, sorted(order))


@unittest.skipUnless(shutil.which("mosquitto_sub") and shutil.which("mosquitto_pub"), "mosquitto-clients is not installed")
class PlainBroker(Broker):
    def publish(self, *arguments, lines=None):
        subprocess.run(["mosquitto_pub", *self.address, *arguments], input=lines, text=True, check=True, timeout=60)

    def subscribe(self, *arguments):
        """A client that prints what it hears; it has its subscription when this returns."""
        client = subprocess.Popen(["mosquitto_sub", *self.address, "-W", str(SECONDS), "-F", "%t %p %q %r", *arguments],
                                  stdout=subprocess.PIPE, text=True)
        self.running.append(client)
        return client

    def ready(self, client, topic):
        """Waits until it hears what it subscribed to."""
        end = time.monotonic() + SECONDS
        probe = subprocess.Popen(["mosquitto_pub", *self.address, "-t", topic, "-m", "probe", "--repeat", "400",
                                  "--repeat-delay", "0.05"])
        self.running.append(probe)
        line = client.stdout.readline()
        self.assertIn("probe", line)
        self.assertLess(time.monotonic(), end)
        probe.kill()
        probe.wait()

    def heard(self, client, skip="probe"):
        while True:
            line = client.stdout.readline().rstrip("\n")
            self.assertNotEqual(line, "", "nothing more was heard")
            if skip not in line:
                return line

    def prepare(self, *arguments):
        """Subscribes for a session that is kept, and leaves."""
        subprocess.run(["mosquitto_sub", *self.address, "-E", "-c", *arguments], check=True, timeout=SECONDS)

    def collect(self, count, *arguments):
        """What waits for a session that is kept."""
        done = subprocess.run(["mosquitto_sub", *self.address, "-c", "-C", str(count), "-W", str(SECONDS), "-F", "%t %p %q %r",
                               *arguments], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.splitlines()

    def test_messages_of_each_qos_arrive(self):
        client = self.subscribe("-t", "a/#", "-q", "2")
        self.ready(client, "a/probe")
        for qos in ("0", "1", "2"):
            self.publish("-t", "a/b", "-m", f"m{qos}", "-q", qos)
            self.assertEqual(self.heard(client), f"a/b m{qos} {qos} 0")

    def test_a_retained_message_waits_for_subscribers_also_over_a_kill(self):
        self.publish("-t", "r/1", "-m", "kept", "-r", "-q", "1")
        self.assertEqual(self.heard(self.subscribe("-t", "r/+", "-q", "1")), "r/1 kept 1 1")
        self.kill_and_start()
        self.assertEqual(self.heard(self.subscribe("-t", "r/+", "-q", "1")), "r/1 kept 1 1")

    def test_a_killed_client_leaves_its_will(self):
        mourner = self.subscribe("-t", "will", "-q", "1")
        self.ready(mourner, "will")
        dying = self.subscribe("-t", "d", "--will-topic", "will", "--will-payload", "gone", "--will-qos", "1")
        self.ready(dying, "d")
        dying.kill()
        self.assertEqual(self.heard(mourner), "will gone 1 0")

    def test_what_was_sent_while_away_is_there_in_order_also_over_a_kill(self):
        count = 2000
        self.prepare("-i", "away", "-t", "q/#", "-q", "2")
        self.publish("-t", "q/1", "-l", "-q", "2", lines="".join(f"{i}\n" for i in range(count)))
        self.kill_and_start()
        self.assertEqual(self.collect(count, "-i", "away", "-t", "q/#", "-q", "2"), [f"q/1 {i} 2 0" for i in range(count)])

    def test_overlapping_filters_give_one_message(self):
        client = self.subscribe("-t", "o/+", "-t", "o/#", "-t", "o/x", "-q", "1")
        self.ready(client, "o/probe")
        self.publish("-t", "o/x", "-m", "once", "-q", "1")
        self.publish("-t", "o/x", "-m", "end", "-q", "1")
        self.assertEqual(self.heard(client), "o/x once 1 0")
        self.assertEqual(self.heard(client), "o/x end 1 0")

    def test_the_refused_filter_is_refused(self):
        done = subprocess.run(["mosquitto_sub", *self.address, "-E", "-t", "test/nosubscribe", "-q", "2"], capture_output=True, text=True,
                              timeout=SECONDS)
        self.assertIn("denied", done.stderr + done.stdout)

    def test_a_second_client_takes_the_id_over(self):
        first = self.subscribe("-i", "same", "-t", "t", "-q", "1")
        self.ready(first, "t")
        self.subscribe("-i", "same", "-t", "t", "-q", "1")
        until("the takeover", lambda: "another connection has its client id" in self.service.said())

    def test_ten_thousand_messages_get_through_in_order(self):
        count = 10000
        client = self.subscribe("-t", "many", "-q", "1")
        self.ready(client, "many")
        started = time.monotonic()
        publisher = threading.Thread(target=self.publish, args=("-t", "many", "-l", "-q", "1"),
                                     kwargs={"lines": "".join(f"{i}\n" for i in range(count))})
        publisher.start()
        heard = [self.heard(client) for _ in range(count)]
        print(f"{len(heard) / (time.monotonic() - started):.0f} messages/s, one publisher and one subscriber")
        publisher.join()
        self.assertEqual(heard, [f"many {i} 1 0" for i in range(len(heard))])


if __name__ == "__main__":
    unittest.main()
