#!/usr/bin/env python3
"""random_topology.py SEED FILE PING >X.conf: a random topology that is valid, the same for a seed.

Islands of hubs and switches, joined by routers whose static routes are mostly right and sometimes
missing, hosts with a gateway, with routes or with neither, IPv4, IPv6 or both. Every node pings
every address of all others with PING, which is told what to expect, from a look at the routes that
owes nothing to the harness; now and then FILE is sent from one node to another.
"""
import ipaddress
import random
import sys


class Interface:
    def __init__(self, name, network):
        self.name, self.network, self.addresses = name, network, {}


class Node:
    def __init__(self, name, forward):
        self.name, self.forward, self.interfaces, self.routes = name, forward, [], []

    def on(self, network):
        return next((i for i in self.interfaces if i.network == network), None)

    def has(self, address):
        return any(address in i.addresses.values() for i in self.interfaces)


class Lab:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.families = self.r.choice([[4], [6], [4, 6]])
        self.kinds = [self.r.choice(["hub", "switch"]) for _ in range(self.r.randint(1, 6))]
        self.nodes = []
        self.subnets = {}
        for n in range(len(self.kinds)):
            for f in self.families:
                base = f"10.{n}.{self.r.randint(0, 255)}.0/24" if f == 4 else f"2001:db8:{n:x}::/64"
                self.subnets[n, f] = ipaddress.ip_network(base)
        for i in range(self.r.randint(2, 12)):
            self.add_node(i)
        for node in self.nodes:
            self.add_routes(node)

    def add_node(self, i):
        joins = min(len(self.kinds), self.r.choice([1, 1, 1, 2, 2, 3]))
        node = Node(f"n{i}", joins > 1 and self.r.random() < 0.85)
        for k, network in enumerate(self.r.sample(range(len(self.kinds)), joins)):
            interface = Interface(f"eth{k}", network)
            for f in self.families:
                interface.addresses[f] = self.subnets[network, f][i + 1]
            node.interfaces.append(interface)
        self.nodes.append(node)

    def gateway_towards(self, node, goal):
        """The first router of a shortest way, and the interface towards it."""
        seen, queue = set(), []
        for i in node.interfaces:
            seen.add(i.network)
            queue.append((i.network, None))
        while queue:
            network, first = queue.pop(0)
            if network == goal:
                return first
            for router in self.nodes:
                if router is node or not router.forward or not router.on(network):
                    continue
                for i in router.interfaces:
                    if i.network not in seen:
                        seen.add(i.network)
                        queue.append((i.network, first or (router, network)))
        return None

    def add_routes(self, node):
        way = "routes" if node.forward else self.r.choice(["gateway", "gateway", "routes", "none"])
        if way == "none":
            return
        if way == "gateway":
            for f in self.families:
                self.add_default(node, f)
            return
        for network in range(len(self.kinds)):
            found = None if node.on(network) else self.gateway_towards(node, network)
            for f in self.families if found else []:
                router, over = found
                chance = self.r.random()
                if chance < 0.03:
                    node.routes.append((self.subnets[network, f], None, None))
                elif chance < 0.92:
                    node.routes.append((self.subnets[network, f], router.on(over).addresses[f],
                                        node.on(over)))

    def add_default(self, node, f):
        over = self.r.choice(node.interfaces)
        routers = [n for n in self.nodes if n is not node and n.forward and n.on(over.network)]
        if routers:
            every = ipaddress.ip_network("0.0.0.0/0" if f == 4 else "::/0")
            node.routes.append((every, self.r.choice(routers).on(over.network).addresses[f], over))

    # ---- what is to be expected ----

    def step(self, node, to):
        """The interface that it leaves by and the address that is asked for there."""
        for i in node.interfaces:
            for f, address in i.addresses.items():
                if f == to.version and to in self.subnets[i.network, f]:
                    return i, to
        best = None
        for subnet, via, interface in node.routes:
            if subnet.version == to.version and to in subnet:
                if best is None or subnet.prefixlen > best[0].prefixlen:
                    best = subnet, via, interface
        return (best[2], best[1]) if best and best[1] else None

    def arrives(self, node, to):
        for hop in range(60):
            if node.has(to):
                return True
            if hop > 0 and not node.forward:
                return False
            found = self.step(node, to)
            if found is None:
                return False
            interface, asked = found
            node = next((n for n in self.nodes
                         for i in n.interfaces
                         if i.network == interface.network and asked in i.addresses.values()), None)
            if node is None:
                return False
        return False

    def answers(self, node, to):
        """Whether a ping gets there and its answer comes back to the address it came from."""
        found = self.step(node, to)
        if found is None or not self.arrives(node, to):
            return False
        owner = next(n for n in self.nodes if n.has(to))
        return self.arrives(owner, found[0].addresses[to.version])

    # ---- the file ----

    def addresses(self, node):
        return [a for i in node.interfaces for a in i.addresses.values()]

    def text_of(self, node):
        text = f"node {node.name} {{\n"
        for i in node.interfaces:
            addresses = ", ".join(f'"{a}/{self.subnets[i.network, f].prefixlen}"'
                                  for f, a in i.addresses.items())
            text += f"  interface {i.name} {{ network = net{i.network} address = {{ {addresses} }} }}\n"
        if node.forward:
            text += "  forward = yes\n"
        routes = [f'"blackhole {s}"' if via is None else f'"{s} via {via}"'
                  for s, via, _ in node.routes]
        if routes:
            text += "  route = { " + ", ".join(routes) + " }\n"
        return text + "}\n"

    def pings_of(self, node, ping):
        words = []
        for other in self.nodes:
            if other is not node:
                for a in self.addresses(other):
                    words.append(("yes/" if self.answers(node, a) else "no/") + str(a))
        quoted = ", ".join(f'"{w}"' for w in [ping] + words)
        return f"program ping-{node.name} {{ node = {node.name} command = {{ {quoted} }} }}\n"

    def transfer(self, file):
        a, b = self.r.sample(self.nodes, 2)
        both = all(self.answers(a, x) for x in self.addresses(b)) and \
            all(self.answers(b, x) for x in self.addresses(a))
        form = self.r.choice(["reliable", "raw"])
        return "" if not both else (f'transfer t {{ from = {a.name} to = {b.name} '
                                    f'files = "{file}" format = {form} rate = 10mbit }}\n')

    def text(self, file, ping):
        text = "".join(f"{kind} net{n} {{}}\n" for n, kind in enumerate(self.kinds))
        text += "".join(self.text_of(n) for n in self.nodes)
        text += self.transfer(file)
        return text + "".join(self.pings_of(n, ping) for n in self.nodes)


if __name__ == "__main__":
    print(Lab(int(sys.argv[1])).text(sys.argv[2], sys.argv[3]), end="")
