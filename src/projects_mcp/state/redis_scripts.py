"""The scripts that the Redis server runs, each as one step that nothing comes between."""

from __future__ import annotations

from typing import Final

from projects_mcp.state.leaky_bucket import TOLERANCE

__all__ = ["PROBE", "REPLACE", "TAKE"]

REPLACE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == 'remove' then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == 'keep' then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
"""
"""Key; the old value, the new one, and `remove`, `keep` (the time of the old one), or milliseconds. Returns 1 if the
old one was there, else 0."""

TAKE: Final = f"""
local count, window_s, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local unit_s = window_s / count
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local owed_s = 0
local kept = redis.call('GET', KEYS[1])
if kept then
  local owed, at = string.match(kept, '^(%S+) (%S+)$')
  if not tonumber(owed) or not tonumber(at) then return 'damaged' end
  owed_s = math.max(0, tonumber(owed) - math.max(0, now - tonumber(at)))
end
local after_s = owed_s + amount * unit_s
local wait_s = after_s - window_s
if wait_s > {TOLERANCE!r} * unit_s then return string.format('%.17g', wait_s) end
local value = string.format('%.17g %.17g', after_s, now)
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', math.max(1, math.ceil(after_s * 1000))))
return '0'
"""
"""Key; count, seconds of the window, amount. Returns the seconds to wait as text, 0 if it was taken.
`LeakyBucket.take` in the server's language, by the server's clock, which all replicas share."""

PROBE: Final = """
redis.call('TIME')
redis.call('SET', KEYS[1], '', 'PX', 1000)
redis.call('SET', KEYS[1], '', 'KEEPTTL')
redis.call('DEL', KEYS[1])
return 1
"""
"""Key. Does once all that the other scripts need, and leaves nothing."""
