"""Runs the cases against the address that is the argument, and prints what came of each as JSON."""

import asyncio
import json
import os
import sys

from kosoku import FailureError, run_fuzzingclient

# Each waits a second for a close that is late: some at a time save minutes.
AT_A_TIME = 8


async def cases(url, wanted):
    try:
        return await run_fuzzingclient(url, wanted, concurrency=AT_A_TIME)
    except FailureError as failure:
        # All of them, not only those that failed.
        return failure.results


def shown(case):
    return {
        "case": case.case_id,
        "passed": case.passed,
        "behavior": case.behavior.value,
        "close": case.behavior_close.value,
        "code": case.remote_close_code,
        "about": case.description,
        "result": f"{case.result} {case.result_close}",
        "took": case.duration,
    }


results = asyncio.run(cases(sys.argv[1], sys.argv[2:] or None))
print(json.dumps([shown(case) for case in results]), flush=True)
# Its threads may still wait for a case that was cut short, and abort when the interpreter ends under them.
os._exit(0)
