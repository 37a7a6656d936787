-- harness.lua: the file transfer protocol of udp-send and udp-recv, for Wireshark and tshark.
--
--	tshark -X lua_script:captures/harness.lua -r captures/3alpine/latest/...
--	cp captures/harness.lua ~/.local/lib/wireshark/plugins/
--
-- Datagrams are told by their magic number, whatever their port. Every field of
-- docs/transfer-protocol.md can be filtered on: harness.type == "DATA" && harness.flags.retx.
-- Runs with Lua 5.2 (Wireshark up to 4.2) and 5.4. Captures of headers only are
-- dissected as far as they go.

local harness = Proto("harness", "Harness File Transfer")

local MAGIC = 0x68726e73
local VERSION = 1
local HEADER_LENGTH = 40
local HEADER_WORDS = 10
local SHA256_LENGTH = 32

local OPEN, OPEN_ACK, DATA, STATUS, PROBE, FIN, FIN_ACK, CLOSE, ABORT = 1, 2, 3, 4, 5, 6, 7, 8, 9

local type_names = {
	[OPEN] = "OPEN", [OPEN_ACK] = "OPEN_ACK", [DATA] = "DATA", [STATUS] = "STATUS",
	[PROBE] = "PROBE", [FIN] = "FIN", [FIN_ACK] = "FIN_ACK", [CLOSE] = "CLOSE",
	[ABORT] = "ABORT",
}

local verdict_names = { [1] = "complete", [2] = "hashes differ" }

local abort_names = {
	[1] = "unknown transfer", [2] = "protocol", [3] = "name", [4] = "exists",
	[5] = "too large", [6] = "busy", [7] = "no space", [8] = "I/O", [9] = "cancelled",
	[10] = "timeout",
}

local f = {
	magic = ProtoField.uint32("harness.magic", "Magic", base.HEX),
	version = ProtoField.uint8("harness.version", "Version"),
	type = ProtoField.uint8("harness.type", "Type", base.DEC, type_names),
	flags = ProtoField.uint8("harness.flags", "Flags", base.HEX),
	retx = ProtoField.bool("harness.flags.retx", "Sent before", 8, nil, 0x01),
	last = ProtoField.bool("harness.flags.last", "Last chunk", 8, nil, 0x02),
	ack_now = ProtoField.bool("harness.flags.ack_now", "Answer at once", 8, nil, 0x04),
	header_words = ProtoField.uint8("harness.header_words", "Header length (words)"),
	transfer = ProtoField.uint64("harness.transfer", "Transfer", base.HEX),
	packet = ProtoField.uint32("harness.packet", "Packet number"),
	time = ProtoField.uint32("harness.time", "Time (us)"),
	offset = ProtoField.uint64("harness.offset", "Offset"),
	payload_length = ProtoField.uint16("harness.payload_length", "Payload length"),
	reserved = ProtoField.uint16("harness.reserved", "Reserved", base.HEX),
	crc = ProtoField.uint32("harness.crc", "CRC-32C", base.HEX),
	data = ProtoField.bytes("harness.data", "Data"),

	size = ProtoField.uint64("harness.open.size", "File size"),
	chunk = ProtoField.uint32("harness.open.chunk", "Chunk length"),
	count = ProtoField.uint32("harness.open.count", "Chunks"),
	name_length = ProtoField.uint16("harness.open.name_length", "Name length"),
	name = ProtoField.string("harness.open.name", "Name", base.UNICODE),
	sha256 = ProtoField.bytes("harness.sha256", "SHA-256"),

	echo = ProtoField.uint32("harness.echo", "Echo (us)"),
	delay = ProtoField.uint32("harness.delay", "Delay (us)"),
	window = ProtoField.uint32("harness.window", "Window (chunks)"),

	cumulative = ProtoField.uint32("harness.status.cumulative", "Chunks without a gap"),
	highest = ProtoField.uint32("harness.status.highest", "Highest chunk + 1"),
	received = ProtoField.uint32("harness.received", "DATA received"),
	spurious = ProtoField.uint32("harness.status.spurious", "Spurious"),
	first = ProtoField.uint32("harness.status.first", "First chunk of the bitmap"),
	bits = ProtoField.uint32("harness.status.bits", "Bits in the bitmap"),
	bitmap = ProtoField.bytes("harness.status.bitmap", "Bitmap"),

	packets = ProtoField.uint32("harness.fin.packets", "DATA sent"),
	verdict = ProtoField.uint32("harness.fin_ack.verdict", "Verdict", base.DEC, verdict_names),
	duplicates = ProtoField.uint32("harness.fin_ack.duplicates", "Duplicates"),
	conflicts = ProtoField.uint32("harness.fin_ack.conflicts", "Conflicts"),

	code = ProtoField.uint16("harness.abort.code", "Code", base.DEC, abort_names),
	text_length = ProtoField.uint16("harness.abort.text_length", "Text length"),
	text = ProtoField.string("harness.abort.text", "Text", base.UNICODE),
}

harness.fields = f

local x = {
	length = ProtoExpert.new("harness.length.bad", "Length does not fit",
				 expert.group.MALFORMED, expert.severity.ERROR),
	version = ProtoExpert.new("harness.version.unknown", "Unknown version",
				  expert.group.UNDECODED, expert.severity.WARN),
	type = ProtoExpert.new("harness.type.unknown", "Unknown type",
			       expert.group.UNDECODED, expert.severity.WARN),
	retx = ProtoExpert.new("harness.repair", "This chunk was sent before",
			       expert.group.SEQUENCE, expert.severity.NOTE),
	verdict = ProtoExpert.new("harness.verdict.bad", "The receiver's hash differs",
				  expert.group.CHECKSUM, expert.severity.ERROR),
	conflict = ProtoExpert.new("harness.conflict", "A chunk came twice with different bytes",
				   expert.group.CHECKSUM, expert.severity.ERROR),
	abort = ProtoExpert.new("harness.aborted", "The transfer has failed",
				expert.group.SEQUENCE, expert.severity.WARN),
}

harness.experts = x

-- Fields as { field, offset, length, fields below it or nil }. Payload offsets count from the end
-- of the header.
local flag_fields = { { f.retx, 6, 1 }, { f.last, 6, 1 }, { f.ack_now, 6, 1 } }

local header_fields = {
	{ f.magic, 0, 4 }, { f.version, 4, 1 }, { f.type, 5, 1 }, { f.flags, 6, 1, flag_fields },
	{ f.header_words, 7, 1 }, { f.transfer, 8, 8 }, { f.packet, 16, 4 }, { f.time, 20, 4 },
	{ f.offset, 24, 8 }, { f.payload_length, 32, 2 }, { f.reserved, 34, 2 }, { f.crc, 36, 4 },
}

local payload_fields = {
	[OPEN] = {
		{ f.size, 0, 8 }, { f.chunk, 8, 4 }, { f.count, 12, 4 },
		{ f.sha256, 16, SHA256_LENGTH }, { f.name_length, 48, 2 },
	},
	[OPEN_ACK] = { { f.echo, 0, 4 }, { f.delay, 4, 4 }, { f.window, 8, 4 } },
	[DATA] = {},
	[STATUS] = {
		{ f.cumulative, 0, 4 }, { f.highest, 4, 4 }, { f.echo, 8, 4 }, { f.delay, 12, 4 },
		{ f.received, 16, 4 }, { f.spurious, 20, 4 }, { f.window, 24, 4 },
		{ f.first, 28, 4 }, { f.bits, 32, 4 },
	},
	[PROBE] = {},
	[FIN] = { { f.sha256, 0, SHA256_LENGTH }, { f.packets, 32, 4 } },
	[FIN_ACK] = {
		{ f.verdict, 0, 4 }, { f.sha256, 4, SHA256_LENGTH }, { f.received, 36, 4 },
		{ f.duplicates, 40, 4 }, { f.conflicts, 44, 4 },
	},
	[CLOSE] = {},
	[ABORT] = { { f.code, 0, 2 }, { f.text_length, 2, 2 } },
}

-- The least and the most bytes of payload. What varies is checked by its own length field.
local payload_lengths = {
	[OPEN] = { 216, 65467 }, [OPEN_ACK] = { 12, 12 }, [DATA] = { 1, 65467 },
	[STATUS] = { 36, 36 + 1024 }, [PROBE] = { 88, 88 }, [FIN] = { 88, 88 },
	[FIN_ACK] = { 48, 48 }, [CLOSE] = { 0, 0 }, [ABORT] = { 4, 4 + 200 },
}

-- Whether these bytes were captured: reaching behind them would be an error of this script.
local function captured(tvb, at, len)
	return at + len <= tvb:captured_len()
end

local function add_fields(tree, tvb, fields, base_at)
	for _, field in ipairs(fields) do
		local at = base_at + field[2]
		if captured(tvb, at, field[3]) then
			local item = tree:add(field[1], tvb(at, field[3]))
			add_fields(item, tvb, field[4] or {}, base_at)
		end
	end
end

-- A field whose length is said by another one; cut where the capture is.
local function add_variable(tree, tvb, field, at, len, expected_end)
	if at + len > expected_end then
		tree:add_proto_expert_info(x.length)
		return
	end
	if len > 0 and captured(tvb, at, 1) then
		tree:add(field, tvb(at, math.min(len, tvb:captured_len() - at)))
	end
end

-- What a type has beside its fixed fields, and what is remarkable about it, by type. Each
-- returns what the Info column says behind the name of the type.
local details = {}

details[OPEN] = function(tree, tvb, at, finish)
	if not captured(tvb, at, 50) then
		return ""
	end
	local len = tvb(at + 48, 2):uint()
	add_variable(tree, tvb, f.name, at + 50, len, finish)
	if at + 50 + len > finish or not captured(tvb, at + 50, len) then
		return string.format("%s bytes", tostring(tvb(at, 8):uint64()))
	end
	return string.format("%s, %s bytes", tvb(at + 50, len):string(ENC_UTF_8),
			     tostring(tvb(at, 8):uint64()))
end

details[OPEN_ACK] = function(_, tvb, at)
	return captured(tvb, at, 12) and string.format("window %d", tvb(at + 8, 4):uint()) or ""
end

details[DATA] = function(tree, tvb, at, finish)
	local flags = tvb(6, 1):uint()
	local info = string.format("offset %s, %d bytes", tostring(tvb(24, 8):uint64()), finish - at)

	add_variable(tree, tvb, f.data, at, finish - at, finish)
	if flags % 2 == 1 then
		tree:add_proto_expert_info(x.retx)
		info = info .. ", repair"
	end
	return info
end

details[STATUS] = function(tree, tvb, at, finish)
	if not captured(tvb, at, 36) then
		return ""
	end
	local len = math.floor((tvb(at + 32, 4):uint() + 7) / 8)
	add_variable(tree, tvb, f.bitmap, at + 36, len, finish)
	return string.format("%d without a gap, highest %d", tvb(at, 4):uint(),
			     tvb(at + 4, 4):uint())
end

details[PROBE] = function()
	return ""
end

details[FIN] = function(_, tvb, at)
	return captured(tvb, at, 36) and string.format("%d sent", tvb(at + 32, 4):uint()) or ""
end

details[FIN_ACK] = function(tree, tvb, at)
	if not captured(tvb, at, 48) then
		return ""
	end
	local verdict = tvb(at, 4):uint()
	if verdict ~= 1 then
		tree:add_proto_expert_info(x.verdict)
	end
	if tvb(at + 44, 4):uint() ~= 0 then
		tree:add_proto_expert_info(x.conflict)
	end
	return verdict_names[verdict] or string.format("verdict %d", verdict)
end

details[CLOSE] = details[PROBE]

details[ABORT] = function(tree, tvb, at, finish)
	tree:add_proto_expert_info(x.abort)
	if not captured(tvb, at, 4) then
		return ""
	end
	local code = tvb(at, 2):uint()
	add_variable(tree, tvb, f.text, at + 4, tvb(at + 2, 2):uint(), finish)
	return abort_names[code] or string.format("code %d", code)
end

local function add_payload(tree, tvb, message)
	local length = tvb(32, 2):uint()
	local limits = payload_lengths[message]

	if HEADER_LENGTH + length ~= tvb:reported_len() or length < limits[1] or
	   length > limits[2] then
		tree:add_proto_expert_info(x.length)
		return "bad length"
	end
	add_fields(tree, tvb, payload_fields[message], HEADER_LENGTH)
	return details[message](tree, tvb, HEADER_LENGTH, HEADER_LENGTH + length)
end

-- Whether it is ours: a header that was captured whole, beginning with the magic number.
local function is_harness(tvb)
	return captured(tvb, 0, HEADER_LENGTH) and tvb(0, 4):uint() == MAGIC
end

function harness.dissector(tvb, pinfo, root)
	if not is_harness(tvb) then
		return 0
	end

	local message = tvb(5, 1):uint()
	local name = type_names[message] or string.format("type %d", message)
	local info = ""
	local tree = root:add(harness, tvb())

	add_fields(tree, tvb, header_fields, 0)
	if tvb(4, 1):uint() ~= VERSION then
		tree:add_proto_expert_info(x.version)
	elseif tvb(7, 1):uint() ~= HEADER_WORDS then
		tree:add_proto_expert_info(x.length)
	elseif type_names[message] == nil then
		tree:add_proto_expert_info(x.type)
	else
		info = add_payload(tree, tvb, message)
	end
	tree:append_text(string.format(", %s, packet %d", name, tvb(16, 4):uint()))
	pinfo.cols.protocol = "HARNESS"
	pinfo.cols.info = string.format("%s #%d%s%s", name, tvb(16, 4):uint(),
					info ~= "" and ": " or "", info)
	return tvb:captured_len()
end

-- From then on the conversation is ours, without asking the other dissectors first.
local function try(tvb, pinfo, root)
	if not is_harness(tvb) then
		return false
	end
	pinfo.conversation = harness
	harness.dissector(tvb, pinfo, root)
	return true
end

harness:register_heuristic("udp", try)
DissectorTable.get("udp.port"):add_for_decode_as(harness)
