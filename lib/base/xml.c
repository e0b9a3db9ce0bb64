// XML by libxml2. SPDX-License-Identifier: Apache-2.0
//
// It is opened when a document is begun: as Debian builds it, it brings ICU, and 2.7 MB into every
// run for what few need.
#include "base/xml.h"
#include "base/cleanup.h"
#include "base/library.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>

#ifdef HP_HAVE_XML
#include <libxml/xmlwriter.h>

#define FUNCTIONS(F)                                                                               \
	F(xmlBufferCreate)                                                                         \
	F(xmlBufferContent)                                                                        \
	F(xmlBufferFree)                                                                           \
	F(xmlNewTextWriterMemory)                                                                  \
	F(xmlFreeTextWriter)                                                                       \
	F(xmlTextWriterSetIndent)                                                                  \
	F(xmlTextWriterSetIndentString)                                                            \
	F(xmlTextWriterStartDocument)                                                              \
	F(xmlTextWriterEndDocument)                                                                \
	F(xmlTextWriterWriteDTD)                                                                   \
	F(xmlTextWriterStartElement)                                                               \
	F(xmlTextWriterWriteAttribute)                                                             \
	F(xmlTextWriterWriteString)                                                                \
	F(xmlTextWriterWriteRaw)                                                                   \
	F(xmlTextWriterEndElement)                                                                 \
	F(xmlTextWriterFullEndElement)

struct library {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
};

#define SYMBOL(function) {.name = #function, .offset = offsetof(struct library, function)},
static const struct hp_symbol symbols[] = {FUNCTIONS(SYMBOL)};

struct hp_xml {
	struct library by;
	xmlBufferPtr buffer;
	xmlTextWriterPtr writer;
	bool failed; // for want of memory: nothing else can
};

int hp_xml_new(bool indent, struct hp_xml **ret, struct hp_error *err)
{
	struct hp_xml *xml = hp_calloc(1, sizeof(*xml));
	int code = hp_library_open(HP_XML_LIBRARY, symbols, HP_COUNT(symbols), &xml->by, err);
	if (code) {
		free(xml);
		return code;
	}
	xml->buffer = xml->by.xmlBufferCreate();
	xml->writer = xml->buffer ? xml->by.xmlNewTextWriterMemory(xml->buffer, 0) : NULL;
	if (!xml->writer) {
		hp_xml_free(xml);
		return hp_fail(err, -ENOMEM, "XML: out of memory");
	}
	xml->by.xmlTextWriterSetIndent(xml->writer, indent);
	xml->by.xmlTextWriterSetIndentString(xml->writer, BAD_CAST "  ");
	*ret = xml;
	return 0;
}

void hp_xml_free(struct hp_xml *xml)
{
	if (!xml)
		return;
	if (xml->writer)
		xml->by.xmlFreeTextWriter(xml->writer);
	if (xml->buffer)
		xml->by.xmlBufferFree(xml->buffer);
	free(xml);
}

static void note(struct hp_xml *xml, int written)
{
	xml->failed |= written < 0;
}

void hp_xml_declare(struct hp_xml *xml)
{
	note(xml, xml->by.xmlTextWriterStartDocument(xml->writer, NULL, "UTF-8", NULL));
}

void hp_xml_doctype(struct hp_xml *xml, const char *name)
{
	note(xml, xml->by.xmlTextWriterWriteDTD(xml->writer, BAD_CAST name, NULL, NULL, NULL));
}

void hp_xml_start(struct hp_xml *xml, const char *element)
{
	note(xml, xml->by.xmlTextWriterStartElement(xml->writer, BAD_CAST element));
}

static char *clean(const char *text)
{
	char *copy = hp_strdup(text);
	hp_utf8_repair(copy);
	return copy;
}

void hp_xml_attribute(struct hp_xml *xml, const char *name, const char *value)
{
	if (!value)
		return;
	hp_cleanup_free char *good = clean(value);
	note(xml, xml->by.xmlTextWriterWriteAttribute(xml->writer, BAD_CAST name, BAD_CAST good));
}

void hp_xml_text(struct hp_xml *xml, const char *text)
{
	if (!text)
		return;
	hp_cleanup_free char *good = clean(text);
	note(xml, xml->by.xmlTextWriterWriteString(xml->writer, BAD_CAST good));
}

void hp_xml_raw(struct hp_xml *xml, const char *markup)
{
	note(xml, xml->by.xmlTextWriterWriteRaw(xml->writer, BAD_CAST markup));
}

void hp_xml_end(struct hp_xml *xml)
{
	note(xml, xml->by.xmlTextWriterFullEndElement(xml->writer));
}

void hp_xml_end_void(struct hp_xml *xml)
{
	note(xml, xml->by.xmlTextWriterEndElement(xml->writer));
}

int hp_xml_finish(struct hp_xml *xml, char **ret, struct hp_error *err)
{
	note(xml, xml->by.xmlTextWriterEndDocument(xml->writer));
	if (xml->failed)
		return hp_fail(err, -ENOMEM, "XML: out of memory");
	*ret = hp_strdup((const char *)xml->by.xmlBufferContent(xml->buffer));
	return 0;
}

#else

int hp_xml_new(bool indent HP_UNUSED, struct hp_xml **ret HP_UNUSED, struct hp_error *err)
{
	return hp_fail(err, -ENOTSUP, "this happypath was built without libxml2");
}

/* Nobody has a document to call the others with. */
void hp_xml_free(struct hp_xml *xml HP_UNUSED)
{
}
void hp_xml_declare(struct hp_xml *xml HP_UNUSED)
{
}
void hp_xml_doctype(struct hp_xml *xml HP_UNUSED, const char *name HP_UNUSED)
{
}
void hp_xml_start(struct hp_xml *xml HP_UNUSED, const char *element HP_UNUSED)
{
}
void hp_xml_attribute(struct hp_xml *xml HP_UNUSED, const char *name HP_UNUSED,
                      const char *value HP_UNUSED)
{
}
void hp_xml_text(struct hp_xml *xml HP_UNUSED, const char *text HP_UNUSED)
{
}
void hp_xml_raw(struct hp_xml *xml HP_UNUSED, const char *markup HP_UNUSED)
{
}
void hp_xml_end(struct hp_xml *xml HP_UNUSED)
{
}
void hp_xml_end_void(struct hp_xml *xml HP_UNUSED)
{
}
int hp_xml_finish(struct hp_xml *xml HP_UNUSED, char **ret HP_UNUSED, struct hp_error *err)
{
	return hp_fail(err, -ENOTSUP, "this happypath was built without libxml2");
}
#endif

void hp_xml_attributef(struct hp_xml *xml, const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	hp_cleanup_free char *value = NULL;
	if (vasprintf(&value, format, args) < 0)
		value = NULL;
	va_end(args);
	hp_xml_attribute(xml, name, value);
}

void hp_xml_textf(struct hp_xml *xml, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	hp_cleanup_free char *text = NULL;
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	hp_xml_text(xml, text);
}

void hp_xml_element(struct hp_xml *xml, const char *element, const char *text)
{
	hp_xml_start(xml, element);
	hp_xml_text(xml, text);
	hp_xml_end(xml);
}
