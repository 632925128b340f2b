"""More templates of the example: journals, questions, reviews, statutes, health magazines, manuals, plain pages."""

from __future__ import annotations

from content import Article
from draw import Draw
from markup import Link, Site, blocks, json_ld, links, section_links, text
from templates import CHARSET, SHARE, Template, blog, forum, head, notes, portal, portal_tw, wiki


def journal(site: Site, article: Article, related: list[Link]) -> str:
    """The page of one paper: abstract, keywords, citation tags."""
    draw = Draw("journal", article.key)
    meta = (
        f'<meta name="citation_title" content="{text(article.title)}"><meta name="citation_author" content="{text(article.author)}">\n'
        f'<meta name="citation_journal_title" content="{site.name}"><meta name="citation_publication_date" content="{article.day.year}">\n'
    )
    return f"""<!DOCTYPE html>
<html>
{head(site, article, meta, " - {}")}
<body><div class="header"><a href="/">{site.name}</a><ul class="nav">{links(section_links(site))}</ul></div>
<div class="article-detail"><p class="issue">{article.day.year}年 第{draw.between(20, 50)}卷 第{draw.between(1, 6)}期：{draw.between(1, 90)}-{draw.between(91, 120)}</p>
<h1>{text(article.title)}</h1><p class="author">{text(article.author)}<sup>1</sup></p><p class="affiliation">1. 东陵大学{article.section}学院，东陵 {draw.digits(6)}</p>
<div class="abstract"><h3>摘要：</h3>
{blocks(article)}
</div><table class="info"><tr><td>收稿日期</td><td>{article.day}</td></tr><tr><td>文献标志码</td><td>A</td></tr><tr><td>中图分类号</td><td>{draw.choice("BCDFGKOQRST")}{draw.between(10, 999)}</td></tr></table></div>
<div class="recommend"><h3>相似文献</h3><ul>{links(related)}</ul></div>
<div class="footer">版权所有 © {site.company}　{site.icp}　技术支持：东陵科技</div></body></html>
"""


def qa(site: Site, article: Article, related: list[Link]) -> str:
    """A question with its answers."""
    draw = Draw("qa", article.key)
    answers = "".join(
        f'<div class="answer-item{" best-answer" if index == 0 else ""}"><div class="user-info">{text(post.user)} 擅长：{article.section}</div>'
        f'<div class="answer-content">{"".join(f"<p>{text(line)}</p>" for line in post.text.split("／"))}</div>'
        f'<div class="toolbar">{draw.below(400)} 评论 分享 举报</div></div>\n'
        for index, post in enumerate(article.posts)
    )
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{head(site, article, json_ld("QAPage", article, site))}
<body><div class="head-nav"><ul>{links(section_links(site))}</ul><form><input placeholder="搜索答案"></form></div>
<div class="crumb"><a href="/">{site.name}</a> &gt; {article.section}</div>
<div class="question-box"><h1 class="question-title">{text(article.title)}</h1>
<div class="question-info">提问者：{text(article.author)} 浏览 {draw.between(20, 9999)} 次</div><div class="question-content">{blocks(article)}</div></div>
<div class="answers"><h2>{len(article.posts)}个回答</h2>
{answers}</div>
<div class="related-questions"><h3>其他类似问题</h3><ul>{links(related)}</ul></div>
<div class="footer">使用百事问答前必读 协议 {site.icp} ©2024 {site.company}</div></body></html>
"""


def shop(site: Site, article: Article, related: list[Link]) -> str:
    """A product's reviews."""
    draw = Draw("shop", article.key)
    reviews = "".join(
        f'<li class="comment-item"><div class="user">{text(post.user[0])}***{draw.choice("abcde一二宝")}</div><div class="star">{"★" * draw.between(3, 5)}</div>'
        f'<div class="comment-content">{text(post.text)}</div><div class="tm-info">{article.day} 规格：{draw.choice(["标准款", "升级款", "家庭装"])} 有用({draw.below(60)})</div></li>\n'
        for post in article.posts
    )
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{head(site, article, "", " - 商品评价 - {}")}
<body><div id="top-nav"><a>购物车</a> <a>我的订单</a> <a>收藏夹</a><ul>{links(section_links(site))}</ul></div>
<div class="crumb">{site.name} &gt; {article.section} &gt; {text(article.title)}</div>
<div class="item-detail"><h1>{text(article.title)}</h1><p class="price">￥{draw.between(19, 2999)}.00 <span>{"查看房型" if article.section == "民宿酒店" else "加入购物车"}</span> <span>{"立即预订" if article.section == "民宿酒店" else "立即购买"}</span></p>
<div class="summary">{blocks(article)}</div></div>
<div id="comment" class="review-list"><h2>商品评价({draw.between(30, 9000)})</h2><ul>
{reviews}</ul><div class="page">上一页 1 2 3 下一页</div></div>
<div class="hot-sale"><h3>看了又看</h3><ul>{links(related)}</ul></div>
<div class="footer">七天无理由退货 正品保障 {site.company} {site.icp}</div></body></html>
"""


def old(site: Site, article: Article, related: list[Link]) -> str:
    """A legal library in the table markup of 2005, upper-case tags, unclosed paragraphs."""
    return f"""<HTML>
<HEAD>
{CHARSET}<TITLE>{text(article.title)}--{site.name}</TITLE>
</HEAD>
<BODY bgColor=#ffffff leftMargin=0>
<TABLE width=960 align=center><TR><TD class=menu>{links(section_links(site), "SPAN")}</TD></TR></TABLE>
<TABLE width=960 align=center><TR><TD width=200 vAlign=top class=left_menu>法规分类<BR>{links(related, "DIV")}</TD>
<TD vAlign=top><CENTER><FONT size=5><B>{text(article.title)}</B></FONT></CENTER>
<DIV align=center>发布时间：{article.day}　来源：{site.name}　【大 中 小】【打印】【关闭】</DIV>
<DIV class=TRS_Editor>
{blocks(article, "<P>　　{}")}
</DIV></TD></TR></TABLE>
<TABLE width=960 align=center class=bottom><TR><TD align=middle>主办：{site.company}　{site.icp}<BR>建议使用1024×768分辨率浏览本站</TD></TR></TABLE>
</BODY></HTML>
"""


def magazine(site: Site, article: Article, related: list[Link]) -> str:
    """A health magazine: byline with the reviewer, disclaimers, doctors to ask."""
    draw = Draw("magazine", article.key)
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{head(site, article, f'<meta property="og:type" content="article"><meta property="og:site_name" content="{site.name}">')}
<body><div class="menu"><ul>{links(section_links(site))}</ul></div>
<div class="position">您的位置：<a href="/">{site.name}</a> &gt; {article.section} &gt; 正文</div>
<div class="wrap"><div class="wenzhang"><h1>{text(article.title)}</h1><div class="author-info">{text(article.author)} 主治医师 | {article.section} | 更新时间 {article.day}</div>
<div class="art_content">
{blocks(article, heading="h3")}
</div><div class="tips">声明：以上内容仅供参考，不能代替医生的诊断和治疗建议，如有不适请及时就医。</div>{SHARE}</div>
<div class="right sidebar"><div class="doctor">在线咨询 {draw.between(2, 60)} 位医生在线 <a>立即提问</a></div><h3>大家都在看</h3><ul>{links(related)}</ul></div></div>
<div class="foot">互联网药品信息服务资格证书 {site.icp} {site.company}</div></body></html>
"""


def docs(site: Site, article: Article, related: list[Link]) -> str:
    """A manual as Docusaurus writes it."""
    return f"""<!doctype html>
<html lang="zh-CN">
{head(site, article, '<meta name="generator" content="Docusaurus v2.4.1">', " | {}")}
<body><nav class="navbar navbar--fixed-top"><a href="/">{site.name}</a> 搜索 ⌘K 版本 3.2</nav>
<div class="docs-wrapper"><aside class="theme-doc-sidebar-container"><ul class="menu__list">{links([*section_links(site), *related])}</ul></aside>
<main><article><nav class="theme-doc-breadcrumbs breadcrumbs">{article.section} › {text(article.title)}</nav>
<div class="theme-doc-markdown markdown"><h1>{text(article.title)}</h1>
{blocks(article)}
</div><a class="theme-edit-this-page" href="/edit">编辑此页</a> 最后更新于 {article.day}</article>
<nav class="pagination-nav">{links(related[:2], "div")}</nav></main></div>
<footer class="footer">版权所有 © 2024 {site.company}</footer></body></html>
"""


def plain(site: Site, article: Article, related: list[Link]) -> str:
    """A small site without a builder, for the pages that are not Chinese."""
    return f"""<!DOCTYPE html>
<html lang="{article.language}">
<head>{CHARSET}<title>{text(article.title)}</title></head>
<body><h1>{text(article.title)}</h1>
<div id="main">{blocks(article)}</div>
<ul class="nav">{links(related)}</ul><address>{site.company}</address></body></html>
"""


TEMPLATES: dict[str, Template] = {
    "portal": portal, "portal_tw": portal_tw, "forum": forum, "wiki": wiki, "blog": blog, "notes": notes,
    "journal": journal, "qa": qa, "shop": shop, "old": old, "magazine": magazine, "docs": docs, "plain": plain,
}  # fmt: skip
