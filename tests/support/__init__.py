"""What the tests share: fixtures, processes, upstreams. No test module imports another one."""
