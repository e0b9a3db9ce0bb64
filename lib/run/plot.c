// Measured boots as a bar chart. SPDX-License-Identifier: Apache-2.0
#include "run/bench.h"

#include "base/text.h"
#include "base/xml.h"

#include <stdio.h>

enum {
	WIDTH = 860,
	LEFT = 210, // where bars begin
	SPAN = 520, // how long the longest is
	TOP = 84,
	ROW = 46,
	BAR = 22,
};

#define INK   "#1f2933"
#define FAINT "#7b8794"
#define MAIN  "#2f855a" // what happypath starts
#define OTHER "#a0aec0"

struct chart {
	struct hp_xml *xml;
	int64_t longest;
};

static void write_text(struct chart *chart, int x, int y, const char *anchor, const char *fill,
                       int size, const char *text)
{
	hp_xml_start(chart->xml, "text");
	hp_xml_attributef(chart->xml, "x", "%d", x);
	hp_xml_attributef(chart->xml, "y", "%d", y);
	hp_xml_attribute(chart->xml, "text-anchor", anchor);
	hp_xml_attribute(chart->xml, "fill", fill);
	hp_xml_attributef(chart->xml, "font-size", "%d", size);
	hp_xml_text(chart->xml, text);
	hp_xml_end(chart->xml);
}

static int length_of(const struct chart *chart, int64_t us)
{
	return (int)((double)us * SPAN / (double)chart->longest);
}

static void draw_bar(struct chart *chart, const struct hp_boot *boot, int y)
{
	bool main = hp_has_word(boot->shape->name, "tuned");
	hp_xml_start(chart->xml, "rect");
	hp_xml_attributef(chart->xml, "x", "%d", LEFT);
	hp_xml_attributef(chart->xml, "y", "%d", y);
	hp_xml_attributef(chart->xml, "width", "%d", length_of(chart, hp_boot_median(boot)));
	hp_xml_attributef(chart->xml, "height", "%d", BAR);
	hp_xml_attribute(chart->xml, "rx", "2");
	hp_xml_attribute(chart->xml, "fill", main ? MAIN : OTHER);
	hp_xml_end_void(chart->xml);
	for (size_t i = 0; i < boot->rounds; i++) {
		hp_xml_start(chart->xml, "circle");
		hp_xml_attributef(chart->xml, "cx", "%d",
		                  LEFT + length_of(chart, boot->rounds_us[i]));
		hp_xml_attributef(chart->xml, "cy", "%d", y + BAR / 2);
		hp_xml_attribute(chart->xml, "r", "3");
		hp_xml_attribute(chart->xml, "fill", INK);
		hp_xml_end_void(chart->xml);
	}
}

static void draw_row(struct chart *chart, const struct hp_boot *boot, int y)
{
	char label[128], value[64];
	int64_t longest = 0;
	for (size_t i = 0; i < boot->rounds; i++)
		longest = boot->rounds_us[i] > longest ? boot->rounds_us[i] : longest;
	snprintf(label, sizeof(label), "%s %s", boot->shape->vmm, boot->shape->name);
	snprintf(value, sizeof(value), "%.2f s", (double)hp_boot_median(boot) / 1e6);
	write_text(chart, LEFT - 12, y + 16, "end", INK, 15, label);
	draw_bar(chart, boot, y);
	write_text(chart, LEFT + length_of(chart, longest) + 12, y + 16, "start", INK, 15, value);
	write_text(chart, LEFT, y + BAR + 14, "start", FAINT, 11, boot->shape->about);
}

static size_t measure(struct chart *chart, const struct hp_boot *boots)
{
	size_t count = 0;
	for (size_t i = 0; i < hp_boot_shape_count; i++) {
		count += boots[i].rounds > 0;
		for (size_t k = 0; k < boots[i].rounds; k++)
			if (boots[i].rounds_us[k] > chart->longest)
				chart->longest = boots[i].rounds_us[k];
	}
	return count;
}

static void draw(struct chart *chart, const struct hp_boot *boots, size_t count, const char *title,
                 const char *subtitle)
{
	int height = TOP + (int)count * ROW + 34, y = TOP;
	hp_xml_start(chart->xml, "svg");
	hp_xml_attribute(chart->xml, "xmlns", "http://www.w3.org/2000/svg");
	hp_xml_attributef(chart->xml, "viewBox", "0 0 %d %d", WIDTH, height);
	hp_xml_attributef(chart->xml, "width", "%d", WIDTH);
	hp_xml_attributef(chart->xml, "height", "%d", height);
	hp_xml_attribute(chart->xml, "font-family", "sans-serif");
	hp_xml_start(chart->xml, "rect");
	hp_xml_attribute(chart->xml, "width", "100%");
	hp_xml_attribute(chart->xml, "height", "100%");
	hp_xml_attribute(chart->xml, "fill", "#ffffff");
	hp_xml_end_void(chart->xml);
	write_text(chart, 24, 34, "start", INK, 19, title);
	write_text(chart, 24, 56, "start", FAINT, 12, subtitle);
	for (size_t i = 0; i < hp_boot_shape_count; i++) {
		if (!boots[i].rounds)
			continue;
		draw_row(chart, &boots[i], y);
		y += ROW;
	}
	write_text(chart, 24, height - 14, "start", FAINT, 11,
	           "Bars are medians, dots the single rounds; shorter is better.");
	hp_xml_end(chart->xml);
}

int hp_boot_plot(const struct hp_boot *boots, const char *title, const char *subtitle, char **ret,
                 struct hp_error *err)
{
	struct chart chart = {.longest = 1};
	size_t count = measure(&chart, boots);
	int code = hp_xml_new(false, &chart.xml, err);
	if (code)
		return code;
	draw(&chart, boots, count, title, subtitle);
	code = hp_xml_finish(chart.xml, ret, err);
	hp_xml_free(chart.xml);
	return code;
}
