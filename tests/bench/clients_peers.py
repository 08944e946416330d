"""The peers that Debian and npm give: paho.mqtt.c, libmosquitto, mosquitto_pub, and the official SDK for Node.js. Who is
missing here is left out with a sentence."""
import os
import shutil
import subprocess
import sys

from clients import Client

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_PACKAGES = os.path.join(HERE, "..", "system", "node", "package.json")


def left_out(peer, why):
    print(f"{peer} is left out: {why}", file=sys.stderr)
    return []


def built(bench, peer, program, package):
    path = bench.program(program)
    if path is None:
        return left_out(peer, f"it needs {package}")
    return [Client(peer, [path], send_bytes=False)]


def mosquitto_pub():
    if shutil.which("mosquitto_pub") is None:
        return left_out("mosquitto_pub", "it needs mosquitto-clients")
    return [Client("mosquitto_pub", [sys.executable, os.path.join(HERE, "peer_mosquitto_pub.py")], latency=False,
                   counted=False, send_bytes=False)]


def install_node(folder):
    """None, or why not."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "it needs node and npm"
    if os.path.exists(os.path.join(folder, "installed")):
        return None
    os.makedirs(folder, exist_ok=True)
    shutil.copy(NODE_PACKAGES, folder)
    done = subprocess.run(["npm", "install", "--prefix", folder, "--no-package-lock", "--no-audit", "--no-fund",
                           "--ignore-scripts", "--loglevel", "error", "--fetch-retries", "1"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return "npm says: " + (done.stderr.strip().splitlines() or ["nothing"])[0]
    open(os.path.join(folder, "installed"), "w").close()
    return None


def node(bench):
    folder = os.path.join(bench.programs, "peer_node")
    why = install_node(folder)
    if why is not None:
        return left_out("azure-iot-device", why)
    return [Client("azure-iot-device", ["env", f"NODE_EXTRA_CA_CERTS={bench.cert}",
                                        f"NODE_PATH={os.path.join(folder, 'node_modules')}", "node",
                                        os.path.join(HERE, "peer_node.js")], counted=False, send_bytes=False,
                   realtime=False)] # ahead of all else it does not connect


def clients(bench):
    return (built(bench, "MQTTAsync", "peer_paho", "libpaho-mqtt-dev") +
            built(bench, "libmosquitto", "peer_mosquitto", "libmosquitto-dev") + mosquitto_pub() + node(bench))
