"""The pages of the example in the markup of different site builders: portals, Discuz!, MediaWiki, WordPress, Hexo, …

Every template is a function of (site, article, related links) that gives the whole page as text; ``{charset}`` stands
where the page declares its charset, for ``build.py`` to fill or to leave out.
"""

from __future__ import annotations

from collections.abc import Callable

from content import Article
from draw import Draw
from markup import Link, Site, blocks, json_ld, links, section_links, text

Template = Callable[[Site, Article, list[Link]], str]
CHARSET = "{charset}"
SHARE = '<div class="share-box">分享到：<a href="#">微信好友</a> <a href="#">朋友圈</a> <a href="#">微博</a> <a href="#">复制链接</a></div>'


def head(site: Site, article: Article, extra: str = "", suffix: str = "_{}") -> str:
    return (
        f"<head>\n{CHARSET}<title>{text(article.title)}{suffix.format(site.name)}</title>\n"
        f'<meta name="keywords" content="{text(article.section)},{site.name}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{extra}'
        "<style>body{font:16px/1.8 serif}.nav a{margin:0 8px}.hide{display:none}</style>\n"
        "<script>var _hmt=_hmt||[];(function(){var s=document.createElement('script');s.src='/static/stat.js';})();</script>\n"
        "</head>"
    )


def portal(site: Site, article: Article, related: list[Link]) -> str:
    """A news portal: breadcrumb, source line, hot list, readers' comments, a fat footer."""
    draw = Draw("portal", article.key)
    meta = (
        f'<meta property="og:type" content="article"><meta property="og:title" content="{text(article.title)}">\n'
        f'<meta property="article:published_time" content="{article.day}T08:00:00+08:00">\n'
    )
    comments = "".join(
        f'<li class="comment-item"><span class="nick">{text(post.user)}</span><p>{text(post.text)}</p>'
        f"<em>赞({draw.below(90)}) 回复 举报</em></li>"
        for post in article.posts
    )
    comment_box = f'<div class="comment-box"><h3>网友评论</h3><ul>{comments}</ul></div>' if comments else ""
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{head(site, article, meta + json_ld("NewsArticle", article, site))}
<body>
<div class="topbar"><a href="/login">登录</a> <a href="/reg">注册</a> <a href="/app">下载客户端</a> 欢迎访问{site.name}</div>
<div class="nav"><ul>{links(section_links(site))}</ul></div>
<div class="crumbs">当前位置：<a href="/">{site.name}</a> &gt; <a href="/{site.section_number(article.section)}/">{article.section}</a> &gt; 正文</div>
<div class="main"><div class="left">
<h1>{text(article.title)}</h1>
<div class="article-info">{article.day.year}年{article.day.month:02d}月{article.day.day:02d}日 {draw.between(6, 22):02d}:{draw.between(0, 59):02d}　来源：{site.name}　作者：{text(article.author)}　<span>字号：大 中 小</span></div>
<div class="article-content" id="artibody">
{blocks(article, "<p>　　{}</p>")}
<p class="editor">（责任编辑：{draw.choice(["江流", "闻远", "石松", "林栖"])}）</p>
</div>
{SHARE}
<div class="related-news"><h3>相关新闻</h3><ul>{links(related[:4])}</ul></div>
{comment_box}
</div>
<div class="sidebar"><h3>热门排行</h3><ol>{links(related[4:])}</ol><div class="ad"><a href="/ad/{draw.below(999)}">广告</a></div></div></div>
<div class="footer"><p><a href="/about">关于我们</a> | <a href="/contact">联系我们</a> | <a href="/law">法律声明</a> | <a href="/jobs">诚聘英才</a></p>
<p>Copyright © 2010-2024 {site.company} 版权所有 未经书面授权不得转载</p><p>{site.icp}　网络视听许可证0{draw.digits(6)}号</p></div>
</body></html>
"""


def portal_tw(site: Site, article: Article, related: list[Link]) -> str:
    """A Taiwanese newspaper's site, traditional script."""
    return f"""<!DOCTYPE html>
<html lang="zh-Hant-TW">
{head(site, article, json_ld("NewsArticle", article, site), " | {}")}
<body>
<header><nav class="navbar"><ul>{links(section_links(site))}</ul></nav></header>
<div class="breadcrumb"><a href="/">{site.name}</a> / {article.section}</div>
<article class="story">
<h1 class="story__title">{text(article.title)}</h1>
<p class="byline">{article.day} 記者{text(article.author)}／報導</p>
<section class="article-content__editor">
{blocks(article)}
</section>
<div class="social-share">分享 Facebook LINE 列印</div>
</article>
<aside class="recommend"><h2>延伸閱讀</h2><ul>{links(related)}</ul></aside>
<footer>本網站內容未經許可不得轉載　{site.company}　客服信箱請見聯絡我們</footer>
</body></html>
"""


def forum(site: Site, article: Article, related: list[Link]) -> str:
    """A thread as Discuz! X writes it, one table a post."""
    draw = Draw("forum", article.key)
    posts = []
    for floor, post in enumerate([*article.posts], start=1):
        name = "楼主" if floor == 1 else "沙发" if floor == 2 else f"{floor}楼"
        number = article.number * 10 + floor
        posts.append(f"""<div id="post_{number}"><table id="pid{number}" class="plhin"><tr>
<td class="pls"><div class="authi"><a href="/space-uid-{draw.below(9999)}.html">{text(post.user)}</a></div>
<p>主题 {draw.below(300)} | 帖子 {draw.below(5000)} | 积分 {draw.below(20000)}</p><p>{draw.choice(["新手上路", "注册会员", "中级会员", "金牌会员", "版主"])}</p></td>
<td class="plc"><div class="pi"><strong><a href="#pid{number}">{name}</a></strong> 发表于 {article.day} {draw.between(7, 23)}:{draw.between(10, 59)} | 只看该作者</div>
<div class="pct"><div class="t_fsz"><table><tr><td class="t_f" id="postmessage_{number}">
{"<br />".join(text(line) for line in post.text.split("／"))}</td></tr></table></div></div>
<div class="sign">{draw.choice(["路漫漫其修远兮", "今天也要好好吃饭", "广告位招租", "潜水员一枚"])}</div><div class="po"><a>回复</a> <a>举报</a> <a>收藏</a></div></td></tr></table></div>""")
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
{head(site, article, '<meta name="generator" content="Discuz! X3.4" />', "-" + article.section + "-{} - Powered by Discuz!")}
<body id="nv_forum" class="pg_viewthread">
<div id="toptb"><a>设为首页</a> <a>收藏本站</a> <a>立即注册</a> <a>找回密码</a></div>
<div id="nv"><ul>{links(section_links(site))}</ul></div>
<div id="pt" class="bm cl"><div class="z"><a href="/">{site.name}</a> › <a href="/{site.section_number(article.section)}/">{article.section}</a> › {text(article.title)}</div></div>
<div id="postlist" class="pl bm"><table><tr><td class="pls">查看: {draw.between(50, 9000)} | 回复: {len(article.posts) - 1}</td>
<td class="plc"><h1 class="ts"><span id="thread_subject">{text(article.title)}</span></h1></td></tr></table>
{chr(10).join(posts)}
</div>
<div class="pgs"><a>返回列表</a> <a>发新帖</a> 您需要登录后才可以回帖 登录 | 立即注册</div>
<div class="relate"><h3>相关帖子</h3><ul>{links(related)}</ul></div>
<div id="ft">Powered by Discuz! X3.4 © 2001-2023 {site.company} ({site.icp}) GMT+8, 处理时间 0.0{draw.digits(5)} 秒</div>
</body></html>
"""


def wiki(site: Site, article: Article, related: list[Link]) -> str:
    """An encyclopedia's entry as MediaWiki writes it."""
    toc = "".join(
        f'<li><a href="#{index}">{text(block[3:])}</a></li>'
        for index, block in enumerate(article.blocks)
        if block.startswith("## ")
    )
    return f"""<!DOCTYPE html>
<html class="client-nojs" lang="zh-CN">
{head(site, article, '<meta name="generator" content="MediaWiki 1.39.4"/>', " - {}")}
<body class="mediawiki ltr ns-0">
<div id="mw-head"><ul><li>登录</li><li>创建账号</li><li>阅读</li><li>编辑</li><li>查看历史</li></ul></div>
<div id="mw-panel"><h3>导航</h3><ul>{links(section_links(site))}<li>随机条目</li><li>最近更改</li></ul></div>
<div id="content" class="mw-body"><h1 id="firstHeading">{text(article.title)}</h1>
<div id="siteSub">来自{site.name}，自由的百科</div>
<div id="mw-content-text"><div class="mw-parser-output">
<div id="toc" class="toc"><h2>目录</h2><ul>{toc}</ul></div>
{blocks(article)}
</div></div>
<div id="catlinks">分类：<a href="/wiki/Category">{article.section}</a></div></div>
<div class="seealso related">相关词条：<ul>{links(related)}</ul></div>
<div id="footer">本页面最后修订于{article.day.year}年{article.day.month}月{article.day.day}日。本站的全部文字在知识共享许可协议下提供。{site.icp}</div>
</body></html>
"""


def blog(site: Site, article: Article, related: list[Link]) -> str:
    """A personal blog as WordPress writes it."""
    comments = "".join(
        f'<li class="comment"><cite class="fn">{text(post.user)}</cite>说道：<p>{text(post.text)}</p><a>回复</a></li>'
        for post in article.posts
    )
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{head(site, article, '<meta name="generator" content="WordPress 6.2">' + json_ld("BlogPosting", article, site), " – {}")}
<body class="post-template-default single single-post">
<header id="masthead"><p class="site-title"><a href="/">{site.name}</a></p><nav class="main-navigation"><ul>{links(section_links(site))}</ul></nav></header>
<main><article class="post hentry"><h1 class="entry-title">{text(article.title)}</h1>
<div class="entry-meta">发布于 <time datetime="{article.day}">{article.day.year}年{article.day.month}月{article.day.day}日</time> 由 {text(article.author)}</div>
<div class="entry-content">
{blocks(article)}
</div><footer class="entry-footer">分类：{article.section}　标签：{article.section}、随笔</footer></article>
<nav class="post-navigation"><ul>{links(related[:2])}</ul></nav>
<div id="comments"><h2>《{text(article.title)}》有{len(article.posts)}条评论</h2><ol>{comments}</ol><p>您的邮箱地址不会被公开。必填项已用*标注</p></div></main>
<aside class="widget-area"><h2>近期文章</h2><ul>{links(related[2:])}</ul><h2>归档</h2><ul><li>2023年五月</li><li>2022年十一月</li></ul></aside>
<footer class="site-footer">© {site.name} · 由WordPress强力驱动 · {site.icp}</footer>
</body></html>
"""


def notes(site: Site, article: Article, related: list[Link]) -> str:
    """A programmer's blog as Hexo with the NexT theme writes it."""
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{head(site, article, '<meta name="generator" content="Hexo 6.3.0">', " | {}")}
<body><header class="header"><a class="brand" href="/">{site.name}</a><ul class="menu">{links(section_links(site))}</ul></header>
<article class="post-block"><header class="post-header"><h1 class="post-title">{text(article.title)}</h1>
<div class="post-meta">发表于 {article.day} 分类于 {article.section} 阅读次数：</div></header>
<div class="post-body">
{blocks(article)}
</div>
<div class="post-copyright"><ul><li>本文作者：{text(article.author)}</li><li>版权声明：除特别声明外均采用 BY-NC-SA 许可协议。转载请注明出处！</li></ul></div>
<div class="post-nav">{links(related[:2], "div")}</div></article>
<div class="sidebar-inner"><ul>{links(related[2:])}</ul></div>
<footer class="footer">© 2018 – 2024 {site.name}　由 Hexo &amp; NexT 强力驱动　{site.icp}</footer>
</body></html>
"""
