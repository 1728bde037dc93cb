// Runs the threads of CUDA kernels on one CPU thread, each as a fiber that gives way where it waits.
//
// Only a thread that waits costs a fiber: a fiber runs one thread of the block after another until
// one of them has to wait. Running the threads in descending order as well as in ascending order
// shows most missing barriers; shared memory that begins as NaN shows what was never written.
#include "emulator.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <ucontext.h>

EmulatedIndex emulated_thread, emulated_block, emulated_threads, emulated_blocks;

namespace {

constexpr std::size_t kStackBytes = 64 * 1024;
constexpr unsigned kWarp = 32;

struct Fiber {
    std::unique_ptr<char[]> stack{new char[kStackBytes]};
    ucontext_t start;
    jmp_buf state;
};

enum class State { kFresh, kRunning, kAtBarrier, kInWarp, kDone };

struct Thread {
    State state;
    int line;
    unsigned exchanges;
    Fiber* fiber;
};

struct Warp {
    unsigned arrived;
    unsigned long long values[2][kWarp];  // of even and odd exchanges: a fast lane may be one ahead
};

void (*kernel)(void**);
void** arguments;
bool descending;
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<Fiber*> idle;
unsigned fresh;  // how many threads of the block have been started
Fiber* running;
jmp_buf scheduler;
char failure[128];

void enter(unsigned thread, Fiber* fiber) {
    emulated_thread = {thread, 0, 0};
    threads[thread].state = State::kRunning;
    threads[thread].fiber = fiber;
}

void leave() {
    if (!_setjmp(running->state)) _longjmp(scheduler, 1);
}

bool start_one(Fiber* fiber) {
    if (fresh == threads.size()) return false;
    enter(descending ? threads.size() - 1 - fresh : fresh, fiber);
    ++fresh;
    return true;
}

void fiber_body() {
    for (;;) {
        Fiber* const self = running;
        while (start_one(self)) {
            kernel(arguments);
            threads[emulated_thread.x].state = State::kDone;
        }
        idle.push_back(self);
        leave();
    }
}

void run(Fiber* fiber, bool first) {
    running = fiber;
    if (_setjmp(scheduler)) return;
    if (first) setcontext(&fiber->start);
    _longjmp(fiber->state, 1);
}

void start_fiber() {
    if (!idle.empty()) {
        Fiber* const fiber = idle.back();
        idle.pop_back();
        run(fiber, false);
        return;
    }
    Fiber* const fiber = new Fiber;  // lives as long as the process: fibers are used again
    getcontext(&fiber->start);
    fiber->start.uc_stack.ss_sp = fiber->stack.get();
    fiber->start.uc_stack.ss_size = kStackBytes;
    fiber->start.uc_link = nullptr;
    makecontext(&fiber->start, fiber_body, 0);
    run(fiber, true);
}

void resume(unsigned thread) {
    enter(thread, threads[thread].fiber);
    run(threads[thread].fiber, false);
}

bool fail(const char* what) {
    std::snprintf(failure, sizeof failure, "%s (block %u, %u, %u)", what, emulated_block.x,
                  emulated_block.y, emulated_block.z);
    return false;
}

bool resume_warps() {
    bool any = false;
    for (unsigned w = 0; w < warps.size(); ++w) {
        if (warps[w].arrived != ~0u) continue;
        warps[w].arrived = 0;
        any = true;
        for (unsigned i = 0; i < kWarp; ++i)
            resume(w * kWarp + (descending ? kWarp - 1 - i : i));
    }
    return any;
}

bool run_block() {
    const unsigned count = threads.size();
    fresh = 0;
    for (Thread& t : threads) t = {State::kFresh, 0, 0, nullptr};
    for (Warp& w : warps) w.arrived = 0;
    for (;;) {
        while (fresh < count) start_fiber();
        if (resume_warps()) continue;
        unsigned waiting = 0, done = 0;
        int line = 0;
        for (const Thread& t : threads) {
            done += t.state == State::kDone;
            if (t.state != State::kAtBarrier) continue;
            if (waiting++ && t.line != line) return fail("threads wait at different barriers");
            line = t.line;
        }
        if (done == count) return true;
        if (waiting + done < count) return fail("a warp waits for lanes that will not come");
        if (done) return fail("a barrier that some threads of the block do not reach");
        for (unsigned i = 0; i < count; ++i) resume(descending ? count - 1 - i : i);
    }
}

}  // namespace

extern "C" void emulated_barrier(int line) {
    Thread& self = threads[emulated_thread.x];
    self.state = State::kAtBarrier;
    self.line = line;
    leave();
}

extern "C" unsigned long long emulated_exchange(unsigned long long value, unsigned lane) {
    const unsigned mine = emulated_thread.x;
    Thread& self = threads[mine];
    Warp& warp = warps[mine / kWarp];
    const unsigned turn = self.exchanges++ % 2;
    warp.values[turn][mine % kWarp] = value;
    warp.arrived |= 1u << (mine % kWarp);
    self.state = State::kInWarp;
    leave();
    return warp.values[turn][lane];
}

extern "C" const char* emulated_launch(const unsigned* shape, void (*function)(void**),
                                       void** values, char* shared, char* shared_end) {
    kernel = function;
    arguments = values;
    emulated_blocks = {shape[0], shape[1], shape[2]};
    emulated_threads = {shape[3], 1, 1};
    descending = shape[4];
    threads.assign(shape[3], Thread{});
    warps.assign((shape[3] + kWarp - 1) / kWarp, Warp{});
    const unsigned long long blocks = 1ULL * shape[0] * shape[1] * shape[2];
    for (unsigned long long i = 0; i < blocks; ++i) {
        const unsigned long long b = descending ? blocks - 1 - i : i;
        emulated_block = {unsigned(b % shape[0]), unsigned(b / shape[0] % shape[1]),
                          unsigned(b / shape[0] / shape[1])};
        if (shared_end > shared) std::memset(shared, 0xff, shared_end - shared);
        if (!run_block()) {
            idle.clear();  // fibers that wait for ever are left where they are
            return failure;
        }
    }
    return nullptr;
}
