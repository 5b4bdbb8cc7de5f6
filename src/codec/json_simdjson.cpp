/* SPDX-License-Identifier: Apache-2.0 */
/* The only C++ file: simdjson's DOM parser in front, our tree behind. It throws nothing and keeps
 * no state but one parser a thread, whose buffers are given back after an unusually large document.
 *
 * What simdjson lets through and json.h does not is caught here (integers over INT64_MAX, depth),
 * in json_seal() (members of one name) or before (U+0000, see json.c). Where its versions could
 * differ (a large number given as a double) the verdict is JSON_DOUBTFUL and the slow walk decides.
 *
 * Holds for simdjson 3.0 to 3.12: only parse(), type(), get_*() and the iterators are used. */
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <simdjson.h>

extern "C" {
#include "codec/json_impl.h"
}

using namespace simdjson;

namespace
{

constexpr std::size_t KEEP_MAX = 256 * 1024; /* a parser that grew past this is made anew */
constexpr std::size_t NODES_AT_ONCE = 24;
constexpr double INT64_LIMIT = 9223372036854775808.0;

thread_local dom::parser parser;

struct builder {
	struct arena *arena;
	char *text; /* where the next string goes; together they are shorter than the input */
	struct json *nodes = nullptr;
	std::size_t nodes_left = 0;
	bool doubtful = false;
};

json *new_node(builder &b)
{
	if (b.nodes_left == 0) {
		b.nodes = static_cast<json *>(arena_array(b.arena, NODES_AT_ONCE, sizeof(json)));
		if (!b.nodes)
			return nullptr;
		b.nodes_left = NODES_AT_ONCE;
	}
	b.nodes_left--;
	return b.nodes++;
}

/* Copies a string that simdjson unescaped. */
str copy_text(builder &b, std::string_view from)
{
	str copy { b.text, from.size() };
	std::memcpy(b.text, from.data(), from.size());
	b.text += from.size() + 1; /* the arena zeroed the NUL */
	return copy;
}

json_verdict build(builder &b, dom::element from, json *to, int depth);

/* Appends a new last child; tail is where its address goes. */
json_verdict build_child(builder &b, dom::element from, json *parent, json **&tail, int depth)
{
	json *child = *tail;
	json_verdict verdict = build(b, from, child, depth + 1);
	tail = &child->next;
	parent->count++;
	return verdict;
}

json_verdict build_array(builder &b, dom::array from, json *to, int depth)
{
	json **tail = &to->first;
	to->type = JSON_ARRAY;
	for (dom::element item : from) {
		if (!(*tail = new_node(b)))
			return JSON_FULL;
		json_verdict verdict = build_child(b, item, to, tail, depth);
		if (verdict != JSON_FINE)
			return verdict;
	}
	return JSON_FINE;
}

json_verdict build_object(builder &b, dom::object from, json *to, int depth)
{
	json **tail = &to->first;
	to->type = JSON_OBJECT;
	for (dom::key_value_pair member : from) {
		if (!(*tail = new_node(b)))
			return JSON_FULL;
		(*tail)->name = copy_text(b, member.key);
		json_verdict verdict = build_child(b, member.value, to, tail, depth);
		if (verdict != JSON_FINE)
			return verdict;
	}
	return json_seal(b.arena, to);
}

json_verdict build_double(builder &b, double number, json *to)
{
	to->type = JSON_DOUBLE;
	to->number = number;
	b.doubtful |= number >= INT64_LIMIT || number <= -INT64_LIMIT;
	return JSON_FINE;
}

json_verdict build_scalar(builder &b, dom::element from, json *to)
{
	switch (from.type()) {
	case dom::element_type::INT64:
		to->type = JSON_INT;
		return from.get_int64().get(to->integer) ? JSON_REFUSED : JSON_FINE;
	case dom::element_type::DOUBLE:
		return build_double(b, from.get_double().value_unsafe(), to);
	case dom::element_type::STRING:
		to->type = JSON_STRING;
		to->string = copy_text(b, from.get_string().value_unsafe());
		return JSON_FINE;
	case dom::element_type::BOOL:
		to->type = JSON_BOOL;
		to->boolean = from.get_bool().value_unsafe();
		return JSON_FINE;
	case dom::element_type::NULL_VALUE:
		to->type = JSON_NULL;
		return JSON_FINE;
	default: /* over INT64_MAX, or a type of a later version */
		return JSON_REFUSED;
	}
}

json_verdict build(builder &b, dom::element from, json *to, int depth)
{
	bool is_array = from.is_array(), is_object = from.is_object();
	if ((is_array || is_object) && depth >= JSON_DEPTH_MAX)
		return JSON_REFUSED;
	if (is_array)
		return build_array(b, from.get_array().value_unsafe(), to, depth);
	if (is_object)
		return build_object(b, from.get_object().value_unsafe(), to, depth);
	return build_scalar(b, from, to);
}

json_verdict build_tree(struct arena *arena, dom::element root, std::size_t len, json **ret)
{
	builder b { arena, static_cast<char *>(arena_alloc(arena, len + 1)) };
	json *top = b.text ? new_node(b) : nullptr;
	if (!top)
		return JSON_FULL;
	json_verdict verdict = build(b, root, top, 0);
	if (verdict == JSON_FINE)
		*ret = top;
	return verdict == JSON_FINE && b.doubtful ? JSON_DOUBTFUL : verdict;
}

} // namespace

extern "C" enum json_verdict json_simdjson(struct arena *arena, struct str bytes, struct json **ret)
{
	dom::element root;
	error_code error = parser.parse(bytes.ptr, bytes.len).get(root);
	json_verdict verdict = error == MEMALLOC ? JSON_FULL : JSON_REFUSED;
	if (error == SUCCESS)
		verdict = build_tree(arena, root, bytes.len, ret);
	if (parser.capacity() > KEEP_MAX)
		parser = dom::parser();
	return verdict;
}
