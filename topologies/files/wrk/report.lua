-- What wrk found, one number a line: its own report changes units with the size of what it says.
function done(summary, latency)
	local seconds = summary.duration / 1e6
	local errors = summary.errors

	print(string.format("time: %.3f s", seconds))
	print(string.format("complete: %d", summary.requests))
	print(string.format("failed: %d", errors.connect + errors.read + errors.write + errors.timeout))
	print(string.format("other status: %d", errors.status))
	print(string.format("bytes: %d", summary.bytes))
	print(string.format("rate: %.2f /s", summary.requests / seconds))
	print(string.format("mean: %.3f ms", latency.mean / 1e3))
	print(string.format("99%%: %.3f ms", latency:percentile(99) / 1e3))
	print(string.format("transfer: %.2f KB/s", summary.bytes / 1024 / seconds))
end
