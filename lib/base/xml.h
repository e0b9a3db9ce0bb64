// Writing XML, and HTML in the form of XML. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* A document being written by libxml2, which does the escaping. What is no valid UTF-8 or no
 * character of XML comes out as '?'. */
struct hp_xml;

/* `indent`: for people, where white space means nothing. -ENOTSUP where happypath was built without
 * libxml2, or it is not installed. */
int hp_xml_new(bool indent, struct hp_xml **ret, struct hp_error *err);
void hp_xml_free(struct hp_xml *xml);

/* <?xml …?> */
void hp_xml_declare(struct hp_xml *xml);
/* <!DOCTYPE name> */
void hp_xml_doctype(struct hp_xml *xml, const char *name);
void hp_xml_start(struct hp_xml *xml, const char *element);
/* Of the element that was just started; a value of NULL writes nothing. */
void hp_xml_attribute(struct hp_xml *xml, const char *name, const char *value);
void hp_xml_attributef(struct hp_xml *xml, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* NULL writes nothing. */
void hp_xml_text(struct hp_xml *xml, const char *text);
void hp_xml_textf(struct hp_xml *xml, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What is markup already. */
void hp_xml_raw(struct hp_xml *xml, const char *markup);
/* </element>, also where it is empty: HTML knows no <div/>. */
void hp_xml_end(struct hp_xml *xml);
/* <element/> if it is empty: what HTML calls a void element. */
void hp_xml_end_void(struct hp_xml *xml);
/* <element>text</element> */
void hp_xml_element(struct hp_xml *xml, const char *element, const char *text);

/* Ends all that is open; the document, a new string, in *ret. */
int hp_xml_finish(struct hp_xml *xml, char **ret, struct hp_error *err);
