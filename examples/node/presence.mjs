// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
// distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.
//
// Which services are there, and where? This is ../presence.c in JavaScript, on the same network: each service
// announces itself for three seconds at a time, and prints who comes and who goes.
//
//     npm install --ignore-scripts
//
//     node presence.mjs registry 10.0.0.1:80 bind tcp://127.0.0.1:5670
//     node presence.mjs printer 10.0.0.2:9100 connect tcp://127.0.0.1:5670    (in a second terminal)
//
// Koffi calls the library, wherever the loader finds it, or the one that ZGOSSIP_LIBRARY names.

import koffi from 'koffi';

const LEASE = 3000;
const RENEWAL = 1000;

const library = koffi.load(process.env.ZGOSSIP_LIBRARY ?? 'libzgossip.so.1');
const zgossip_new = library.func('void *zgossip_new(const char *name)');
const zgossip_destroy = library.func('void zgossip_destroy(_Inout_ void **self_p)');
const zgossip_strerror = library.func('const char *zgossip_strerror(int errnum)');
const zgossip_bind = library.func('int zgossip_bind(void *self, const char *endpoint)');
const zgossip_connect = library.func('int zgossip_connect(void *self, const char *endpoint, const char *key)');
const zgossip_set_events = library.func('int zgossip_set_events(void *self, bool on)');
const zgossip_publish_ttl = library.func(
    'int zgossip_publish_ttl(void *self, const char *key, const char *value, uint32_t msecs)');
const zgossip_retract = library.func('int zgossip_retract(void *self, const char *key)');
const zgossip_recv = library.func('void *zgossip_recv(void *self, _Out_ size_t *count_p)');
const zgossip_frames_destroy = library.func('void zgossip_frames_destroy(_Inout_ void **frames_p)');

function check(result) {
    if (result === -1)
        throw new Error(zgossip_strerror(koffi.errno()));
    return result;
}

class Node {
    #self;

    constructor(name) {
        this.#self = zgossip_new(name);
        check(this.#self ? zgossip_set_events(this.#self, true) : -1);      // Tell us what expires, too
    }

    bind(endpoint) {
        return check(zgossip_bind(this.#self, endpoint));
    }

    connect(endpoint) {
        check(zgossip_connect(this.#self, endpoint, null));
    }

    publish(key, value, msecs = 0) {
        check(zgossip_publish_ttl(this.#self, key, value, msecs));
    }

    retract(key) {
        check(zgossip_retract(this.#self, key));
    }

    // Messages as they come, until the node is closed. The wait is in a thread of libuv's.
    async *[Symbol.asyncIterator]() {
        const count = [0];
        while (this.#self) {
            const frames = await new Promise((resolve, reject) => {
                zgossip_recv.async(this.#self, count, (error, result) => error ? reject(error) : resolve(result));
            });
            if (frames) {
                const message = koffi.decode(frames, koffi.array('char *', count[0], 'Array'));
                zgossip_frames_destroy([frames]);
                yield message;
            }
        }
    }

    close() {
        const self = this.#self;
        this.#self = null;
        if (self)
            zgossip_destroy([self]);
    }
}

const [name, address, role, endpoint] = process.argv.slice(2);
if (!endpoint) {
    console.error('presence.mjs NAME ADDRESS bind|connect ENDPOINT');
    process.exit(2);
}

const node = new Node(name);
if (role === 'bind')
    node.bind(endpoint);
else
    node.connect(endpoint);

const announce = () => node.publish(`service/${name}`, address, LEASE);
announce();
const renewal = setInterval(announce, RENEWAL);

for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
        clearInterval(renewal);
        node.retract(`service/${name}`);
        node.close();
    });

for await (const [command, key, value] of node) {
    const service = key?.startsWith('service/') ? key.slice('service/'.length) : null;
    if (service && command === 'DELIVER')
        console.log(`+ ${service} ${value}`);
    else if (service && (command === 'EXPIRE' || command === 'RETRACT'))
        console.log(`- ${service}`);
}
